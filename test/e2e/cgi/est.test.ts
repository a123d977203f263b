/** EST behind nginx and the worker, with the files of contrib/; the client is curl and openssl and nothing else. */
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, type TestContext, vi } from 'vitest'
import { BUILT_IN_PROFILES, type CertificateProfile } from '../../../src/core/pki/profile.js'
import { peerFiles } from '../../support/peers/ca-peer.js'
import { estPeer } from '../../support/peers/est-peer.js'
import { OpensslBox } from '../../support/peers/requests.js'
import { findProgram } from '../../support/peers/validators.js'
import { brine, runBrine } from '../../support/processes/cli.js'
import { needProgram } from '../../support/processes/missing.js'
import { EstServer, type HttpAnswer } from './est-server.js'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const folder = mkdtempSync(join(tmpdir(), 'brine-est-'))
chmodSync(folder, 0o711)
const dataDir = join(folder, 'data')
const box = new OpensslBox()
const [one, two, clients, strangers] = ['one', 'two', 'clients', 'strangers'].map((name) => box.ca(name)) as [
  ReturnType<OpensslBox['ca']>,
  ReturnType<OpensslBox['ca']>,
  ReturnType<OpensslBox['ca']>,
  ReturnType<OpensslBox['ca']>,
]
const remote = peerFiles(box, 'remote')
const switches = { isManual: true, password: undefined }
const peer = estPeer(remote, BUILT_IN_PROFILES[0] as CertificateProfile, switches)
let server: EstServer | undefined

const fileCa = (id: string, { cert, key }: ReturnType<OpensslBox['ca']>): string =>
  `[[ca]]\nid = "${id}"\nbackend = "file"\n[ca.file]\nca_cert = "${cert}"\nca_key = "${key}"\n`
const label = (name: string, ca: string, more = ''): string =>
  `[[est.label]]\nname = "${name}"\nca_id = "${ca}"\n${more}\n`

beforeAll(async () => {
  for (const { key } of [one, two]) chmodSync(key, 0o600)
  await brine(['init'], { dataDir })
  const url = await peer.listen()
  const auth = `auth = ["certificate", "password"]\nclient_ca = "${clients.cert}"`
  writeFileSync(
    join(dataDir, 'brine.toml'),
    [
      fileCa('one', one),
      fileCa('two', two),
      `[[ca]]\nid = "gone"\nbackend = "file"\n[ca.file]\nca_cert = "${one.cert}"\nca_key = "${box.path('nowhere.pem')}"\n`,
      `[[ca]]\nid = "remote"\nbackend = "est"\n[ca.est]\nurl = "${url}"\nlabel = "devices"\nca_cert = "${remote.ca.cert}"\ntls_ca = "${remote.tlsCa}"\nauth_cert = "${remote.client.cert}"\nauth_key = "${remote.client.key}"\n`,
      '[[ha.group]]\nname = "production"\nca_ids = ["one", "two"]\n',
      label('device', 'one', auth),
      label('sensor', 'one', 'auth = "password"'),
      label('closed', 'one'),
      label('down', 'gone', 'auth = "password"'),
      label('slow', 'remote', 'auth = "password"'),
    ].join(''),
  )
})

beforeEach(async (context: TestContext) => {
  const [front, curl] = ['nginx', 'curl'].map((name) => needProgram(context, name)) as [string, string]
  server ??= await EstServer.start({ front, curl }, folder)
})

afterAll(async () => {
  await server?.stop()
  await peer.close()
  box.remove()
  rmSync(folder, { recursive: true, force: true })
})

const ask = (path: string, ...args: readonly string[]): Promise<HttpAnswer> => {
  if (server === undefined) throw new Error('no server')
  return server.ask(`/.well-known/est/${path}`, args)
}

/** A request in base64, as curl sends it, and its key. */
function request(name: string, subject = `/CN=${name}`): { readonly args: readonly string[]; readonly key: string } {
  const key = box.path(box.key())
  box.run('req', '-new', '-key', key, '-subj', subject, '-outform', 'DER', '-out', `${name}.der`)
  box.run('base64', '-in', `${name}.der`, '-out', `${name}.b64`)
  return { args: ['-H', 'Content-Type: application/pkcs10', '--data-binary', `@${box.path(`${name}.b64`)}`], key }
}

/** The certificates of an answer as a PEM file. */
function certificates({ body }: HttpAnswer, name: string): string {
  writeFileSync(box.path(`${name}.p7`), body)
  box.run('base64', '-d', '-in', `${name}.p7`, '-out', `${name}.p7der`)
  box.run('pkcs7', '-inform', 'DER', '-in', `${name}.p7der`, '-print_certs', '-out', `${name}.pem`)
  return box.path(`${name}.pem`)
}

/** The CAs of a label as a client gets them. */
async function trusted(name: string): Promise<string> {
  const answer = await ask(`${name}/cacerts`)
  expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/pkcs7-mime'])
  return certificates(answer, `cacerts-${name}`)
}

async function password(name: string, ...more: readonly string[]): Promise<string> {
  return (await brine(['est', 'otp', 'create', name, ...more], { dataDir })).stdout.trim()
}

const issuedCount = async (): Promise<number> =>
  (await brine(['est', 'cert', 'list', '--json'], { dataDir })).json<{ certificates: unknown[] }>().certificates.length

/** A client certificate of some CA: the arguments with which curl shows it. */
function shown(ca: ReturnType<OpensslBox['ca']>, name: string): readonly string[] {
  const key = box.path(box.key())
  box.run('req', '-new', '-key', key, '-subj', `/CN=${name}`, '-out', `${name}.csr`)
  writeFileSync(box.path('client.ext'), 'extendedKeyUsage=clientAuth\n')
  const by = ['-CA', ca.cert, '-CAkey', ca.key, '-CAcreateserial', '-extfile', 'client.ext']
  box.run('x509', '-req', '-in', `${name}.csr`, ...by, '-out', `${name}-client.pem`)
  return ['--cert', box.path(`${name}-client.pem`), '--key', key]
}

describe('a client of EST', () => {
  it('gets the CAs of the whole group and what a request holds, without authentication', async () => {
    const file = await trusted('device')
    expect(
      readFileSync(file, 'utf8')
        .match(/subject=.*/g)
        ?.sort(),
    ).toEqual(['subject=O = Example, CN = one', 'subject=O = Example, CN = two'])
    const attributes = await ask('device/csrattrs')
    expect([attributes.status, attributes.headers['content-type']]).toEqual([200, 'application/csrattrs'])
    writeFileSync(box.path('attributes.b64'), attributes.body)
    box.run('base64', '-d', '-in', 'attributes.b64', '-out', 'attributes.der')
    expect(box.run('asn1parse', '-inform', 'DER', '-in', 'attributes.der').toString()).toContain('Extended Key Usage')
  })

  it('enrols with a one-time password, once, and renews with the certificate that it got', async () => {
    const secret = await password('sensor', '--note', 'sensor 17')
    const { args, key } = request('sensor-17')
    const answer = await ask('sensor/simpleenroll', '-u', secret, ...args)
    expect([answer.status, answer.headers['content-type']]).toEqual([
      200,
      'application/pkcs7-mime; smime-type=certs-only',
    ])
    const own = certificates(answer, 'sensor-17')
    const cas = await trusted('sensor')
    expect(box.run('verify', '-purpose', 'sslclient', '-CAfile', cas, own).toString()).toContain('OK')

    const again = await ask('sensor/simpleenroll', '-u', secret, ...request('sensor-18').args)
    expect([again.status, again.headers['www-authenticate']]).toEqual([401, 'Basic realm="EST", charset="UTF-8"'])

    const next = request('sensor-17-next', '/CN=sensor-17')
    const renewed = await ask('sensor/simplereenroll', '--cert', own, '--key', key, ...next.args)
    expect(renewed.status).toBe(200)
    const newer = certificates(renewed, 'sensor-17-next')
    expect(box.run('verify', '-CAfile', cas, newer).toString()).toContain('OK')
    expect(box.run('x509', '-in', newer, '-noout', '-serial')).not.toEqual(
      box.run('x509', '-in', own, '-noout', '-serial'),
    )

    const other = await ask('sensor/simplereenroll', '--cert', own, '--key', key, ...request('another-name').args)
    expect([other.status, other.body.toString()]).toEqual([403, expect.stringContaining('a renewal keeps the names')])
    // the same CAs, another label
    expect((await ask('device/simplereenroll', '--cert', own, '--key', key, ...next.args)).status).toBe(403)
    const serial = box
      .run('x509', '-in', own, '-noout', '-serial')
      .toString()
      .trim()
      .replace('serial=', '')
      .toLowerCase()
    await brine(['est', 'cert', 'revoke', serial, '--reason', 'key lost', '--yes'], { dataDir })
    const revoked = await ask('sensor/simplereenroll', '--cert', own, '--key', key, ...request('sensor-17').args)
    expect([revoked.status, revoked.body.toString()]).toEqual([403, expect.stringContaining('revoked')])
  })

  it('gets one certificate for one password, however many come with it at once', async () => {
    const [secret, before] = [await password('sensor'), await issuedCount()]
    const answers = await Promise.all(
      [1, 2, 3, 4, 5].map((n) => ask('sensor/simpleenroll', '-u', secret, ...request(`racer-${n}`).args)),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 401 || status === 403)).toHaveLength(4)
    expect(await issuedCount()).toBe(before + 1)
  })

  it('enrols with a client certificate of the CA that the label names, and with no other', async () => {
    const mine = shown(clients, 'laptop')
    const answer = await ask('device/simpleenroll', ...mine, ...request('laptop').args)
    expect(answer.status).toBe(200)
    const own = certificates(answer, 'laptop')
    expect(box.run('verify', '-CAfile', await trusted('device'), own).toString()).toContain('OK')
    const before = await issuedCount()
    // of a CA that issues here and that the label does not name
    const issuedByUs = shown(one, 'insider')
    expect((await ask('device/simpleenroll', ...issuedByUs, ...request('insider').args)).status).toBe(401)
    // of a CA that nobody knows, and one at a label of passwords
    expect(
      (await ask('device/simpleenroll', ...shown(strangers, 'stranger'), ...request('stranger').args)).status,
    ).toBe(401)
    expect((await ask('sensor/simpleenroll', ...mine, ...request('laptop-2').args)).status).toBe(401)
    expect(await issuedCount()).toBe(before)
  })

  it('is not believed what it writes into headers', async () => {
    const before = await issuedCount()
    const pem = encodeURIComponent(readFileSync(box.path('laptop-client.pem'), 'utf8'))
    const names = ['SSL-Client-Verify: SUCCESS', `SSL-Client-Cert: ${pem}`, 'SSL_CLIENT_VERIFY: SUCCESS']
    const more = [
      `SSL_CLIENT_CERT: ${pem}`,
      'X-SSL-Client-Verify: SUCCESS',
      'Remote-User: root',
      'Brine-Data-Dir: /tmp',
    ]
    const forged = [...names, ...more].flatMap((header) => ['-H', header])
    for (const [path, status] of [
      ['device/simpleenroll', 401],
      ['sensor/simpleenroll', 401],
      ['device/simplereenroll', 403],
      ['closed/simpleenroll', 403],
    ] as const)
      expect((await ask(path, ...forged, ...request('forger').args)).status).toBe(status)
    expect(await issuedCount()).toBe(before)
  })

  it('is refused where it asks for what there is not', async () => {
    const { args } = request('lost')
    const secret = await password('sensor')
    writeFileSync(box.path('long'), 'x'.repeat(200_000))
    for (const [path, more, status] of [
      ['closed/cacerts', [], 403],
      ['closed/simpleenroll', ['-u', secret, ...args], 403],
      ['nothing/cacerts', [], 404],
      ['sensor/serverkeygen', args, 404],
      ['cacerts', [], 404],
      ['sensor/simpleenroll', [], 405],
      ['sensor/cacerts', ['-X', 'DELETE'], 405],
      ['sensor/simpleenroll', ['-u', secret, '-d', 'x=1'], 415],
      ['sensor/simpleenroll', ['-u', secret, '-H', 'Content-Type: application/pkcs10', '-d', '{}'], 400],
      [
        'sensor/simpleenroll',
        ['-u', secret, '-H', 'Content-Type: application/pkcs10', '-d', `@${box.path('long')}`],
        413,
      ],
      ['sensor/cacerts?--data-dir+/tmp', [], 200],
    ] as const)
      expect([path, more.slice(0, 2), (await ask(path, ...more)).status]).toEqual([path, more.slice(0, 2), status])
    expect((await ask('sensor/cacerts', '-I')).headers['content-length']).toMatch(/^\d{3,}$/)
    const weak = box.path(box.key('rsa:1024'))
    box.run('req', '-new', '-key', weak, '-subj', '/CN=weak', '-outform', 'DER', '-out', 'weak.der')
    box.run('base64', '-in', 'weak.der', '-out', 'weak.b64')
    const small = await ask('sensor/simpleenroll', '-u', secret, ...args.slice(0, 3), `@${box.path('weak.b64')}`)
    expect([small.status, small.body.toString()]).toEqual([400, expect.stringContaining('1024 bits')])
    // nothing of this spent the password
    expect((await ask('sensor/simpleenroll', '-u', secret, ...args)).status).toBe(200)
  })

  it('waits with 202 while somebody decides, and gets the certificate with the same request and password', async () => {
    const [secret, { args }] = [await password('slow'), request('patient')]
    const first = await ask('slow/simpleenroll', '-u', secret, ...args)
    expect([first.status, first.headers['retry-after']]).toEqual([202, '120'])
    expect((await ask('slow/simpleenroll', '-u', secret, ...args)).status).toBe(202)
    expect((await ask('slow/simpleenroll', '-u', secret, ...request('impatient').args)).status).toBe(403)
    switches.isManual = false
    const second = await ask('slow/simpleenroll', '-u', secret, ...args)
    switches.isManual = true
    expect(second.status).toBe(200)
    const own = certificates(second, 'patient')
    expect(box.run('verify', '-CAfile', await trusted('slow'), own).toString()).toContain('OK')
    expect((await ask('slow/simpleenroll', '-u', secret, ...request('late').args)).status).toBe(401)
  })

  it('does not notice that another CA serves', async () => {
    renameSync(one.key, `${one.key}.away`)
    try {
      const answer = await ask('device/simpleenroll', '-u', await password('device'), ...request('moved').args)
      expect(answer.status).toBe(200)
      const own = certificates(answer, 'moved')
      expect(box.run('x509', '-in', own, '-noout', '-issuer').toString()).toContain('CN = two')
      expect(box.run('verify', '-CAfile', await trusted('device'), own).toString()).toContain('OK')
    } finally {
      renameSync(`${one.key}.away`, one.key)
    }
  })

  it('is told when to come back where no CA can serve, and nothing of the reason', async () => {
    const secret = await password('down')
    for (let n = 0; n < 2; n++) {
      const answer = await ask('down/simpleenroll', '-u', secret, ...request('unlucky').args)
      expect([answer.status, answer.headers['retry-after']]).toEqual([503, expect.stringMatching(/^[1-9]\d*$/)])
      expect(answer.body.toString()).toBe('No CA can serve now; try again later.\n')
    }
    expect(server?.log()).toContain('nowhere.pem')
  })
})

it('is the same to a client behind Apache', async (context) => {
  const front = findProgram('apache2') ?? findProgram('httpd') ?? context.skip('missing: apache2')
  await server?.stop()
  server = await EstServer.start(
    { front, fcgiwrap: needProgram(context, 'fcgiwrap'), curl: needProgram(context, 'curl') },
    folder,
  )
  try {
    const { args, key } = request('behind-apache')
    const answer = await ask('sensor/simpleenroll', '-u', await password('sensor'), ...args)
    expect(answer.status).toBe(200)
    const own = certificates(answer, 'behind-apache')
    expect(box.run('verify', '-CAfile', await trusted('sensor'), own).toString()).toContain('OK')
    expect((await ask('sensor/simplereenroll', '--cert', own, '--key', key, ...args)).status).toBe(200)
    expect((await ask('device/simpleenroll', ...shown(clients, 'by-apache'), ...args)).status).toBe(200)
    const pem = encodeURIComponent(readFileSync(own, 'utf8'))
    const forged = [
      '-H',
      'SSL-Client-Verify: SUCCESS',
      '-H',
      `SSL-Client-Cert: ${pem}`,
      '-H',
      'SSL_CLIENT_VERIFY: SUCCESS',
    ]
    expect((await ask('sensor/simplereenroll', ...forged, ...args)).status).toBe(403)
    expect((await ask('device/simpleenroll', ...forged, ...args)).status).toBe(401)
    expect((await ask('closed/cacerts')).status).toBe(403)
    expect((await ask('../../index.html', '--path-as-is')).status).toBe(403)
  } finally {
    await server.stop()
    server = undefined
  }
})

it('answers HTTP whatever goes wrong, and nothing else', async () => {
  const env = { REQUEST_METHOD: 'GET', HTTPS: 'on', PATH_INFO: '/.well-known/est/device/cacerts' }
  for (const [args, more, status] of [
    [['cgi', '--data-dir', join(folder, 'nowhere')], {}, 500],
    [['cgi'], {}, 500],
    [['cgi', '--nonsense'], {}, 500],
    [['cgi', '--json'], {}, 500],
    [['cgi', '--data-dir', dataDir], { REQUEST_METHOD: '' }, 500],
    [['cgi', '--data-dir', dataDir], { HTTPS: 'off' }, 403],
    [['cgi', '--data-dir', dataDir], {}, 200],
  ] as const) {
    const ran = await runBrine(args, { env: { ...env, ...more } })
    expect([args, ran.code, ran.stdout.split('\r\n', 1)[0]]).toEqual([
      args,
      0,
      expect.stringMatching(`^Status: ${status} `),
    ])
    expect(ran.stderr === '').toBe(status === 200)
    expect(ran.stdout).not.toContain(folder)
  }
})
