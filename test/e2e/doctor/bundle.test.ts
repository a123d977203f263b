/** `brine doctor --bundle`: secrets are planted in every place, and neither the file nor what it unpacks to has one of them. */
import { execFileSync } from 'node:child_process'
import { appendFileSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runBrine } from '../../support/processes/cli.js'
import { EnrolSite, group } from '../../support/sites/enrol-site.js'

const site = new EnrolSite()
afterAll(() => site.remove())

/** Every planted secret begins so. */
const MARK = 'zq7Secret'
const secret = (place: string): string => `${MARK}-${place}`

/** A configuration whose sections can be used, with texts in every member that takes one. */
const planted = (): string => {
  const file = (name: string, content: string): string => {
    writeFileSync(site.box.path(name), `${content}\n`, { mode: 0o600 })
    return site.box.path(name)
  }
  const est = [
    `url = "https://127.0.0.1:9/${secret('url')}"\nusername = "${secret('username')}"\nlabel = "${secret('label')}"`,
    `password_file = "${file('password', secret('est-password'))}"\nca_cert = "${site.root.cert}"\n`,
  ].join('\n')
  return `# ${secret('comment')}
exchange_log_dir = "/tmp/${secret('path')}"
${site.fileCa('one')}crl_url = "http://pki.example/${secret('crl')}"
${site.fileCa('two')}[[ca]]\nid = "three"\nbackend = "est"\n[ca.est]\n${est}
${group('device', ['one', 'two'])}auth = ["password"]
[routing]
protected_hosts = ["${secret('host').toLowerCase()}.example"]
[[routing.ignore]]
prefix = "192.0.2.0/24"\nasn = "AS64496"\nreason = "${secret('judgement')}"\ndate = "2026-12-02"
[repository]
[[repository.server]]
name = "web"\nrsync = "rsync://127.0.0.1:9/${secret('module')}/"\npush = "${secret('user')}@web:/srv"
`
}

const otp: string[] = []
beforeAll(async () => {
  await site.init()
  const why = ['--reason', secret('reason'), '--actor', secret('actor')]
  await site.brine('testbed', 'init')
  await site.brine('ca', 'add', 'acme', '--under', 'testbed', '--resources', '192.0.2.0/24, AS64496', ...why)
  await site.brine('roa', 'add', 'acme', `192.0.2.0/24 => 64496 # ${secret('note')}`, ...why)
  await site.brine('roa', 'add', 'acme', `198.51.100.0/24 => 64496 # ${secret('refused')}`, ...why)
  site.configure(planted())
  site.now += 120
  await site.brine('ha', 'probe', '--now')
  const drained = await site.brine('ha', 'drain', 'one', '--reason', secret('drain'))
  expect(drained.code, drained.stderr).toBe(0)
  otp.push(
    String((await site.brine('est', 'otp', 'create', 'device', '--note', secret('otp'), '--json')).json()['password']),
  )
  await site.brine('est', 'enroll', 'device', '--csr', site.request(), ...why)
  writeFileSync(join(site.data, secret('file')), secret('content'))
}, 60_000)

const environment = () => {
  writeFileSync(site.box.path('passphrase'), `${secret('passphrase')}\n`, { mode: 0o600 })
  return {
    BRINE_PASSPHRASE_FILE: site.box.path('passphrase'),
    AGENT_PIN: secret('pin'),
    BRINE_TOKEN: secret('token'),
    HTTPS_PROXY: `http://${secret('proxy')}@proxy.example`,
  }
}

let count = 0
/** Makes a bundle; returns its bytes and its files. */
async function bundle(): Promise<{ readonly raw: Buffer; readonly files: Readonly<Record<string, string>> }> {
  count += 1
  const path = site.box.path(`bundle-${count}.tar.gz`)
  const options = { dataDir: site.data, now: site.instant, env: environment() }
  const ran = await runBrine(['doctor', '--json', '--bundle', path], options)
  expect([ran.stderr, ran.json()['bundle'], statSync(path).mode & 0o777]).toEqual(['', path, 0o600])
  const raw = readFileSync(path)
  const names = execFileSync('tar', ['-tzf', path]).toString().trim().split('\n')
  const files = names.map((name) => [name, execFileSync('tar', ['-xzOf', path, name]).toString()] as const)
  return { raw, files: Object.fromEntries(files) }
}

/** Lines of every private key of the directory and of the CAs. */
function keyLines(): readonly string[] {
  const below = (folder: string): readonly string[] =>
    readdirSync(folder, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
  const keys = [...below(join(site.data, 'keys')), join(site.data, 'ssl/key.pem'), site.box.path('key-1.pem')]
  return keys.flatMap((path) => {
    const bytes = statSync(path, { throwIfNoEntry: false }) === undefined ? Buffer.alloc(0) : readFileSync(path)
    return [...bytes.toString('latin1').matchAll(/[A-Za-z0-9+/]{40,}/g)].map(([line]) => line)
  })
}

async function expectNoSecret(): Promise<Readonly<Record<string, string>>> {
  const { raw, files } = await bundle()
  const keys = keyLines()
  expect(keys.length).toBeGreaterThan(10)
  for (const text of [raw.toString('latin1'), gunzipSync(raw).toString('latin1')]) {
    expect(text.match(new RegExp(`${MARK}\\S*`, 'gi'))).toBeNull()
    expect(otp.filter((one) => text.includes(one))).toEqual([])
    expect(keys.filter((line) => text.includes(line))).toEqual([])
    expect(text).not.toContain('PRIVATE KEY')
  }
  return files
}

const part = (files: Readonly<Record<string, string>>, name: string) =>
  JSON.parse(files[`brine-support/${name}`] ?? 'null') as Record<string, unknown> & { readonly [n: number]: object }

describe('a bundle has none of the secrets', () => {
  it('of a directory whose configuration can be used, and says what support asks first', async () => {
    const files = await expectNoSecret()
    expect(Object.keys(files).map((name) => name.replace('brine-support/', ''))).toEqual([
      ...[
        'README.txt',
        'doctor.json',
        'config.json',
        'status.json',
        'history.json',
        'folders.json',
        'environment.json',
      ],
    ])
    expect(part(files, 'config.json')).toMatchObject({
      cas: [{ id: 'one', backend: 'file' }, { id: 'two' }, { id: 'three', backend: 'est' }],
      groups: [{ name: 'device', caIds: ['one', 'two'], strategy: 'active-passive' }],
      settings: expect.arrayContaining([{ key: 'exchange_log_dir', value: 'set', source: 'file' }]),
    })
    expect(part(files, 'status.json')).toMatchObject({ role: 'primary', cas: expect.arrayContaining([]) })
    expect(Object.values(part(files, 'history.json'))).toContainEqual(
      expect.objectContaining({ handle: 'acme', type: 'roas.update', result: 'rejected', error: 'roa-not-held' }),
    )
    expect(part(files, 'environment.json')).toEqual(expect.arrayContaining(['BRINE_DATA_DIR', 'BRINE_TOKEN']))
    expect(Object.values(part(files, 'folders.json'))).toContainEqual(expect.objectContaining({ folder: 'keys' }))
  })

  it.each([
    ['a value of the wrong type', `exchange_log_max_mb = "${secret('value')}"\n`],
    ['an unknown key', `${secret('key')} = "${secret('value')}"\n`],
    ['a line that is not TOML', `password ${secret('syntax')}\n`],
    ['an unknown section', `[vault]\ntoken = "${secret('vault')}"\n`],
    ['a section with a value of the wrong type', `[ha]\nstrategy = "${secret('strategy')}"\n`],
    ['a section that is not TOML', `[ca.est]\npassword = ${secret('bare')}\n`],
    [
      'a key URI with a PIN',
      `[[ca]]\nid = "hsm"\nbackend = "pkcs11"\n[ca.pkcs11]\nca_cert = "${site.root.cert}"\nmodule = "/m.so"\nuri = "pkcs11:token=t?pin-value=${secret('pin')}"\n`,
    ],
  ])('with %s in its configuration', async (_, text) => {
    site.configure(text)
    const files = await expectNoSecret()
    expect(part(files, 'config.json')['problems']).toEqual([{ level: 'error', line: expect.any(Number) }])
  })

  it('with damage whose message quotes a file', async () => {
    site.configure('')
    const [first = ''] = readdirSync(join(site.data, 'commits')).sort()
    appendFileSync(join(site.data, 'commits', first), secret('damage'))
    await expectNoSecret()
  })
})

it('what an environment variable or a file of a passphrase holds is replaced wherever else it stands', async () => {
  writeFileSync(site.box.path('passphrase'), 'acme\n', { mode: 0o600 })
  const path = site.box.path('replaced.tar.gz')
  const env = { BRINE_PASSPHRASE_FILE: site.box.path('passphrase'), AGENT_PIN: 'testbed' }
  await runBrine(['doctor', '--bundle', path], { dataDir: site.data, now: site.instant, env })
  const text = gunzipSync(readFileSync(path)).toString('latin1')
  expect([text.match(/acme|testbed/g), text.includes('[redacted]')]).toEqual([null, true])
})

it('a file that is there already is refused, and stays', async () => {
  const path = site.box.path('there')
  writeFileSync(path, 'mine')
  const ran = await runBrine(['doctor', '--json', '--bundle', path], { dataDir: site.data, now: site.instant })
  expect([ran.code, ran.json(), readFileSync(path, 'utf8')]).toMatchObject([
    2,
    { error: { code: 'file-exists' } },
    'mine',
  ])
})
