/** The web and rsync configurations of contrib/ serve a repository as they stand: real servers, real fetches, real validators. */
import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, type TestContext, test, vi } from 'vitest'
import { contribText, fetchHttps, freePort, type Server, startServer } from '../../support/peers/servers.js'
import { findProgram, validators } from '../../support/peers/validators.js'
import { runProgram, shimmedEnv, writeShim } from '../../support/processes/brine-shim.js'
import { missing, needProgram } from '../../support/processes/missing.js'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const isRoot = process.getuid?.() === 0
const NOBODY = 65534

let folder = ''
let dataDir = ''
let webPort = 0
let rsyncPort = 0
let certificate = ''
const running: Server[] = []

async function brine(...words: readonly string[]): Promise<string> {
  const env = shimmedEnv(folder, { BRINE_DATA_DIR: dataDir })
  const { status, stdout, stderr } = await runProgram(join(folder, 'bin', 'brine'), words, { env })
  expect({ words, status, stderr }).toEqual({ words, status: 0, stderr: '' })
  return stdout
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'brine-contrib-'))
  chmodSync(folder, 0o711)
  dataDir = join(folder, 'data')
  writeShim(folder)
  ;[webPort, rsyncPort] = [await freePort(), await freePort()]
  const bases = ['--rsync', `rsync://localhost:${rsyncPort}/repo/`, '--rrdp', `https://localhost:${webPort}/rrdp/`]
  await brine('testbed', 'init', ...bases)
  await brine('ca', 'add', 'acme', '--under', 'testbed', '--resources', '192.0.2.0/24,2001:db8::/32')
  await brine('roa', 'add', 'acme', '192.0.2.0/24 => 64496', '2001:db8::/32-48 => 64496')
  certificate = readFileSync(join(dataDir, 'ssl', 'cert.pem'), 'utf8')
})

afterEach(async () => {
  for (const server of running.splice(0)) await server.stop()
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The server block inside the least that nginx wants around it; workers run as nobody. */
async function startNginx(context: TestContext, filledIn?: string): Promise<Server> {
  const nginx = needProgram(context, 'nginx')
  const block =
    filledIn ??
    contribText('nginx.conf', [
      ['listen 443 ssl;', `listen 127.0.0.1:${webPort} ssl;`],
      ['listen [::]:443 ssl;', ''],
      ['server_name rpki.example.net;', 'server_name localhost;'],
      ['/var/lib/brine', dataDir],
    ])
  const scratch = join(folder, 'nginx')
  mkdirSync(scratch, { recursive: true })
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${join(scratch, name)};`)
    .join(' ')
  const config = join(scratch, 'nginx.conf')
  const user = isRoot ? 'user nobody nogroup;' : ''
  writeFileSync(join(scratch, 'brine.conf'), block)
  writeFileSync(
    config,
    `${user} daemon off; worker_processes 1; pid ${scratch}/pid; error_log ${scratch}/error.log; events { }
     http { access_log off; ${temporary} include ${scratch}/brine.conf; }\n`,
  )
  const { status, stderr } = await runProgram(nginx, ['-t', '-c', config, '-e', join(scratch, 'error.log')])
  expect({ status, stderr }).toMatchObject({ status: 0, stderr: expect.not.stringMatching(/warn|emerg/) })
  const server = await startServer(nginx, ['-c', config, '-e', join(scratch, 'error.log')], webPort)
  running.push(server)
  return server
}

/** The virtual host inside the least that Apache wants around it; children run as nobody. */
async function startApache(context: TestContext): Promise<Server> {
  const apache = findProgram('apache2') ?? findProgram('httpd') ?? context.skip('missing: apache2')
  const places = ['../../lib/apache2/modules', '../../lib64/httpd/modules', '../../libexec/apache2']
  const modules = places.map((place) => join(apache, place)).find((place) => existsSync(place))
  if (modules === undefined) return context.skip('missing: the modules of apache2')
  const host = contribText('apache.conf', [
    ['*:443', `127.0.0.1:${webPort}`],
    ['ServerName rpki.example.net', 'ServerName localhost'],
    ['/var/lib/brine', dataDir],
  ])
  const scratch = join(folder, 'apache')
  mkdirSync(scratch, { recursive: true })
  const wanted = ['mpm_event', 'unixd', 'authz_core', 'alias', 'headers', 'socache_shmcb', 'ssl']
  const load = wanted
    .filter((name) => existsSync(join(modules, `mod_${name}.so`)))
    .map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so\n`)
    .join('')
  const config = join(scratch, 'apache.conf')
  const user = isRoot ? 'User nobody\nGroup nogroup\n' : ''
  writeFileSync(
    config,
    `${load}${user}ServerName localhost\nListen 127.0.0.1:${webPort}\nPidFile ${scratch}/pid\nErrorLog ${scratch}/log\n${host}`,
  )
  const { status, stderr } = await runProgram(apache, ['-t', '-f', config])
  expect({ status, stderr }).toMatchObject({ status: 0, stderr: expect.not.stringMatching(/warn|error/) })
  const server = await startServer(apache, ['-DFOREGROUND', '-f', config], webPort)
  running.push(server)
  return server
}

async function startRsyncd(context: TestContext): Promise<Server> {
  const rsync = needProgram(context, 'rsync')
  const accounts: readonly (readonly [string, string])[] = isRoot
    ? []
    : [
        ['uid             = nobody\ngid             = nogroup\n', ''],
        ['use chroot      = yes', 'use chroot      = no'],
      ]
  const config = join(folder, 'rsyncd.conf')
  writeFileSync(config, contribText('rsyncd.conf', [...accounts, ['/var/lib/brine', dataDir]]))
  const listen = ['--address=127.0.0.1', `--port=${rsyncPort}`]
  const server = await startServer(rsync, ['--daemon', '--no-detach', `--config=${config}`, ...listen], rsyncPort)
  running.push(server)
  return server
}

function uidsOfChildren(pid: number): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(/\s+/)
  return children.map((child) => Number(/^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${child}/status`, 'utf8'))?.[1]))
}

const attribute = (xml: string, element: string, name: string): string =>
  new RegExp(`<${element}[^>]*\\b${name}="([^"]*)"`).exec(xml)?.[1] ?? ''

/** What any web server in front has to do: the files of RRDP and the trust anchor, and nothing else. */
async function checkWeb(): Promise<void> {
  const fetch = (path: string) => fetchHttps(webPort, path, certificate)
  const notification = await fetch('/rrdp/notification.xml')
  expect(notification).toMatchObject({ status: 200, headers: { 'cache-control': 'max-age=60' } })
  const xml = notification.body.toString()
  for (const element of ['snapshot', 'delta']) {
    const uri = attribute(xml, element, 'uri')
    expect(uri).toMatch(new RegExp(`^https://localhost:${webPort}/rrdp/`))
    const file = await fetch(new URL(uri).pathname)
    expect(file).toMatchObject({ status: 200, headers: { 'cache-control': 'max-age=86400, immutable' } })
    const hash = createHash('sha256').update(file.body).digest('hex')
    expect(hash).toBe(attribute(xml, element, 'hash').toLowerCase())
  }
  const anchor = await fetch('/ta/ta.cer')
  expect(anchor.status).toBe(200)
  expect(anchor.body.equals(readFileSync(join(dataDir, 'repo', 'ta', 'ta.cer')))).toBe(true)
  const objects = Object.keys(contentOf(join(dataDir, 'repo', 'rsync', 'current')))
  const closed = [
    `/rsync/current/${objects[0]}`,
    '/',
    '/rrdp/',
    '/.state/',
    '/rsync/',
    '/ssl/key.pem',
    '/rrdp/../../ssl/key.pem',
    '/rrdp/%2e%2e/rsync/',
  ]
  for (const path of closed) {
    const { status, body } = await fetch(path)
    expect({ path, refused: status >= 400 && status < 500 }).toEqual({ path, refused: true })
    expect(body.toString()).not.toContain('PRIVATE KEY')
  }
}

describe('nginx.conf', () => {
  test('serves RRDP and the trust anchor over https with the pair in ssl/, and nothing else', async (context) => {
    await startNginx(context)
    await checkWeb()
  })

  test('filled in by brine contrib it serves the same', async (context) => {
    const text = await brine('contrib', 'nginx')
    expect(text).toContain(`listen [::]:${webPort} ssl;`)
    const onLoopback = text
      .replace(`listen ${webPort} ssl;`, `listen 127.0.0.1:${webPort} ssl;`)
      .replace(`listen [::]:${webPort} ssl;`, '')
    await startNginx(context, onLoopback)
    await checkWeb()
  })

  test('compresses the RRDP snapshot for those who accept gzip', async (context) => {
    await startNginx(context)
    const notification = String((await fetchHttps(webPort, '/rrdp/notification.xml', certificate)).body)
    const path = new URL(/<snapshot uri="([^"]+)"/.exec(notification)?.[1] ?? '').pathname
    const plain = await fetchHttps(webPort, path, certificate)
    const zipped = await fetchHttps(webPort, path, certificate, { 'Accept-Encoding': 'gzip' })
    expect([plain.headers['content-encoding'], zipped.headers['content-encoding']]).toEqual([undefined, 'gzip'])
    expect(gunzipSync(zipped.body)).toEqual(plain.body)
  })

  test('its workers read the tree as another user', async (context) => {
    if (!isRoot) context.skip('needs root')
    const { pid } = await startNginx(context)
    await fetchHttps(webPort, '/rrdp/notification.xml', certificate)
    expect(uidsOfChildren(pid)).toEqual([NOBODY])
  })
})

test('apache.conf serves RRDP and the trust anchor over https with the pair in ssl/, and nothing else', async (context) => {
  await startApache(context)
  await checkWeb()
})

/** Every file below a folder with its content, by path. */
function contentOf(at: string, below = ''): Readonly<Record<string, string>> {
  const entries = readdirSync(join(at, below), { withFileTypes: true }).map((entry) => {
    const path = join(below, entry.name)
    return entry.isDirectory() ? contentOf(at, path) : { [path]: readFileSync(join(at, path)).toString('base64') }
  })
  return Object.assign({}, ...entries)
}

describe('rsyncd.conf', () => {
  const fetch = async (module: string): Promise<{ status: number; into: string }> => {
    const into = mkdtempSync(join(folder, 'fetched-'))
    const from = `rsync://localhost:${rsyncPort}/${module}/`
    const { status } = await runProgram(needsRsync, ['-rt', from, `${into}/`])
    return { status, into }
  }
  const needsRsync = findProgram('rsync') ?? 'rsync'

  test('serves the tree of this moment, and the next one after a publication', async (context) => {
    await startRsyncd(context)
    const first = await fetch('repo')
    expect(first.status).toBe(0)
    const served = join(dataDir, 'repo', 'rsync', 'current')
    expect(contentOf(first.into)).toEqual(contentOf(served))
    expect(Object.keys(contentOf(first.into)).filter((path) => path.endsWith('.roa'))).toHaveLength(2)
    await brine('roa', 'add', 'acme', '192.0.2.128/25 => 64497')
    const second = await fetch('repo')
    expect(contentOf(second.into)).toEqual(contentOf(served))
    expect(Object.keys(contentOf(second.into)).filter((path) => path.endsWith('.roa'))).toHaveLength(3)
    await brine('roa', 'remove', 'acme', '192.0.2.128/25 => 64497')
    expect(Object.keys(contentOf((await fetch('ta')).into)).sort()).toEqual(['ta.cer', 'ta.tal'])
  })

  test('takes nothing', async (context) => {
    await startRsyncd(context)
    const file = join(folder, 'rsyncd.conf')
    const { status, stderr } = await runProgram(needsRsync, [file, `rsync://localhost:${rsyncPort}/repo/`])
    expect(status).not.toBe(0)
    expect(stderr).toContain('read only')
  })

  test('reads as another user: a file of the owner alone stays unread', async (context) => {
    if (!isRoot) context.skip('needs root')
    await startRsyncd(context)
    const secret = join(dataDir, 'repo', 'ta', 'secret')
    writeFileSync(secret, 'for root', { mode: 0o600 })
    const { status, into } = await fetch('ta')
    rmSync(secret)
    expect(status).not.toBe(0)
    expect(Object.keys(contentOf(into)).sort()).toEqual(['ta.cer', 'ta.tal'])
  })
})

describe('behind nginx.conf and rsyncd.conf', () => {
  const PREFIXES = ['192.0.2.0/24', '2001:db8::/32']

  /** A folder with the TAL and the certificate that validators trust here, and an empty cache and output. */
  const scratchFolder = async (context: TestContext) => {
    await Promise.all([startNginx(context), startRsyncd(context)])
    const scratch = mkdtempSync(join(folder, 'validator-'))
    const place = (name: string): string => join(scratch, name)
    for (const name of ['cache', 'out', 'trusted']) mkdirSync(place(name))
    writeFileSync(place('ta.tal'), await brine('ta', 'tal'))
    writeFileSync(join(place('trusted'), 'cert.pem'), certificate)
    chmodSync(scratch, 0o755)
    return place
  }

  const rpkiClient = async (context: TestContext, transport: readonly string[]): Promise<void> => {
    const program = validators().rpkiClient ?? missing(context, 'rpki-client (RPKI_CLIENT)')
    const place = await scratchFolder(context)
    if (isRoot) await runProgram('chown', ['-R', '_rpki-client', place('')])
    const env = { ...process.env, SSL_CERT_FILE: join(place('trusted'), 'cert.pem') }
    const args = [...transport, '-j', '-s', '60', '-d', place('cache'), '-t', place('ta.tal'), place('out')]
    const { status, stderr } = await runProgram(program, args, { env })
    expect({ status, complaints: stderr.split('\n').filter((line) => /fail|error|bad|unable/i.test(line)) }).toEqual({
      status: 0,
      complaints: [],
    })
    const { roas } = JSON.parse(readFileSync(join(place('out'), 'json'), 'utf8'))
    expect(roas.map((roa: { prefix: string }) => roa.prefix).sort()).toEqual(PREFIXES)
  }

  const fort = async (context: TestContext, transport: readonly string[]): Promise<void> => {
    const program = validators().fort ?? missing(context, 'fort (FORT)')
    const openssl = needProgram(context, 'openssl')
    const place = await scratchFolder(context)
    await runProgram(openssl, ['rehash', place('trusted')])
    const vrps = join(place('out'), 'vrps.csv')
    const own = ['--mode=standalone', `--tal=${place('ta.tal')}`, `--local-repository=${place('cache')}`]
    const args = [...own, `--output.roa=${vrps}`, `--http.ca-path=${place('trusted')}`, ...transport]
    const { status, stdout, stderr } = await runProgram(program, args)
    expect({ status, output: stdout + stderr }).toMatchObject({ status: 0 })
    const rows = readFileSync(vrps, 'utf8').trim().split('\n').slice(1)
    expect(rows.map((row) => row.split(',')[1]).sort()).toEqual(PREFIXES)
  }

  test('rpki-client fetches by RRDP alone', (context) => rpkiClient(context, ['-e', '/bin/false']))

  test('rpki-client fetches by rsync alone', (context) => rpkiClient(context, ['-R']))

  test('FORT fetches by RRDP alone', (context) => fort(context, ['--rsync.enabled=false']))

  test('FORT fetches by rsync alone', (context) => fort(context, ['--http.enabled=false']))
})
