/** `brine pubserver probe`: what each repository server serves, over real HTTPS and a real rsync daemon, and the pool files that follow from it. */
import { readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer, type Server as HttpsServer } from 'node:https'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, type TestContext } from 'vitest'
import { freePort, type Server, startServer } from '../../support/peers/servers.js'
import { type RunResult, runBrine } from '../../support/processes/cli.js'
import { needProgram } from '../../support/processes/missing.js'
import { NOW, refusalOf, runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'
import { rsyncFiles } from '../../support/sites/pushed.js'

const SOON = '2026-11-21T12:09:00Z'
const LATER = '2026-11-21T12:30:00Z'
const NAMES = ['one', 'two'] as const

interface Part {
  readonly state: string
  readonly good: boolean
  readonly serial: number | null
  readonly behind: number | null
  readonly since: string | null
  readonly findings: readonly string[]
}
interface Row {
  readonly name: string
  readonly ok: boolean
  readonly rrdp: Part | null
  readonly rsync: Part | null
  readonly failingSince: string | null
  readonly lastOk: string | null
}
interface Report {
  readonly serial: number
  readonly failed: number
  readonly servers: readonly Row[]
  readonly pools: readonly {
    readonly file: string
    readonly members: readonly string[]
    readonly changed: boolean
    readonly warning: string | null
  }[]
}

let box: Sandbox
let dataDir = ''
let web: HttpsServer
let daemon: Server | undefined
let webPort = 0
let rsyncPort = 0
/** Answers nothing for this server. */
let hanging: string | undefined

beforeAll(async () => {
  box = await sandbox()
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => readFileSync(join(box.dataDir, 'ssl', name)))
  web = createServer({ key, cert }, (request, response) => {
    const [, name = '', ...path] = (request.url ?? '').split('/')
    if (name === hanging) return
    try {
      response.end(readFileSync(join(box.path, name, ...path)))
    } catch {
      response.writeHead(404).end('none')
    }
  })
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve))
  webPort = (web.address() as { port: number }).port
  rsyncPort = await freePort()
})
afterAll(async () => {
  web.closeAllConnections()
  web.close()
  await daemon?.stop()
  box.remove()
})

/** Fresh copies of the directory and both servers, in order. */
beforeEach(async (context) => {
  const program = needProgram(context as unknown as TestContext, 'rsync')
  hanging = undefined
  for (const name of NAMES) rmSync(folder(name), { recursive: true, force: true })
  dataDir = box.copy()
  for (const file of readdirSync(box.path).filter((name) => name.startsWith('pool'))) rmSync(join(box.path, file))
  if (daemon === undefined) {
    const modules = NAMES.map((name) => `[${name}]\npath = ${folder(name)}/rsync/current\n`).join('')
    const account = process.getuid?.() === 0 ? 'uid = root\ngid = root\n' : ''
    const config = join(box.path, 'rsyncd.conf')
    writeFileSync(config, `${account}use chroot = no\nmunge symlinks = no\n${modules}`)
    const args = ['--daemon', '--no-detach', '--address=127.0.0.1', `--port=${rsyncPort}`, `--config=${config}`]
    daemon = await startServer(program, args, rsyncPort)
  }
  configure()
  await push(...NAMES)
})

const folder = (name: string): string => join(box.path, name)
const pool = (form: string): string => join(box.path, `pool.${form}`)

function configure(more = ''): void {
  const servers = NAMES.map(
    (name, n) =>
      `[[repository.server]]\nname = "${name}"\nnotification = "https://localhost:${webPort}/${name}/rrdp/notification.xml"\n` +
      `rsync = "rsync://127.0.0.1:${rsyncPort}/${name}/"\ntls_ca = "${join(box.dataDir, 'ssl', 'cert.pem')}"\npool = "192.0.2.${n + 1}:443"\n`,
  )
  const pools = [
    `[[repository.pool]]\nfile = "${pool('nginx')}"\n`,
    `[[repository.pool]]\nfile = "${pool('haproxy')}"\nform = "haproxy"\nbackend = "rpki"\nparts = "rrdp"\n`,
    `[[repository.pool]]\nfile = "${pool('list')}"\nform = "list"\nparts = "rsync"\n`,
  ]
  writeFileSync(join(dataDir, 'brine.toml'), `${more}${servers.join('')}${pools.join('')}`)
}

async function push(...names: readonly string[]): Promise<void> {
  const ran = await runAt(dataDir, ['pubserver', 'push', ...names.map(folder)])
  expect([ran.code, ran.stderr]).toEqual([0, ''])
}

async function publish(...words: readonly string[]): Promise<void> {
  expect((await runAt(dataDir, ['roa', ...words])).code).toBe(0)
}

async function probe(now = NOW, ...more: readonly string[]): Promise<Report & { readonly code: number | null }> {
  const ran: RunResult = await runBrine(['pubserver', 'probe', '--json', ...more], { dataDir, now })
  expect(ran.stderr).toBe('')
  return { code: ran.code, ...ran.json<Report>() }
}

const textOf = (form: string): string => readFileSync(pool(form), 'utf8')
const partsOf = ({ servers }: Report) => servers.map(({ rrdp, rsync }) => [rrdp?.state, rsync?.state])
const notification = (name: string): string => join(folder(name), 'rrdp', 'notification.xml')
const edit = (path: string, change: (text: string) => string): void =>
  writeFileSync(path, change(readFileSync(path, 'utf8')))
/** The newest file of this name: serials have one digit here. */
const fileIn = (name: string, end: string): string => {
  const found = readdirSync(join(folder(name), 'rrdp'), { recursive: true })
    .map(String)
    .sort()
  return join(folder(name), 'rrdp', found.findLast((path) => path.endsWith(end)) ?? '')
}

describe('servers in order', () => {
  it('exit 0, the pool files hold all of them, and a second probe writes none', async () => {
    const first = await probe()
    expect([first.code, first.failed, partsOf(first)]).toEqual([
      0,
      0,
      [
        ['ok', 'ok'],
        ['ok', 'ok'],
      ],
    ])
    expect(first.pools.map(({ changed, warning }) => [changed, warning])).toEqual(Array(3).fill([true, null]))
    expect(textOf('nginx')).toBe(
      '# Written by brine pubserver probe; changes are overwritten.\nserver 192.0.2.1:443;\nserver 192.0.2.2:443;\n',
    )
    expect(textOf('haproxy')).toBe('set server rpki/one state ready\nset server rpki/two state ready\n')
    expect(textOf('list')).toBe('192.0.2.1:443\n192.0.2.2:443\n')
    const before = statSync(pool('nginx'), { bigint: true }).ino
    const again = await probe()
    expect(again.pools.map(({ changed }) => changed)).toEqual([false, false, false])
    expect(statSync(pool('nginx'), { bigint: true }).ino).toBe(before)
    const nagios = await runAt(dataDir, ['pubserver', 'probe', '--nagios'])
    const line = `BRINE SERVERS OK - 2 of 2 serve serial ${first.serial} | servers=2 failed=0;0;1 lag=0s\n`
    expect([nagios.code, nagios.stdout]).toEqual([0, line])
  })

  it('are asked by name, which writes no pool file', async () => {
    const { servers, pools } = await probe(NOW, 'two', '--full')
    expect([servers.map(({ name }) => name), pools]).toEqual([['two'], []])
    expect(await refusalOf(dataDir, ['pubserver', 'probe', 'tow'])).toEqual([2, 'server-unknown'])
    writeFileSync(join(dataDir, 'brine.toml'), '')
    expect(await refusalOf(dataDir, ['pubserver', 'probe'])).toEqual([2, 'servers-missing'])
    writeFileSync(join(dataDir, 'brine.toml'), '[[repository.server]]\nname = "one"\n')
    expect(await refusalOf(dataDir, ['pubserver', 'probe'])).toEqual([2, 'config-section-invalid'])
  })
})

describe('a server that is behind', () => {
  it('stays for max_lag, then is taken out; status and metrics tell', async () => {
    await publish('add', 'acme', '192.0.2.0/24 => 64496')
    await publish('add', 'acme', '192.0.2.0/25 => 64496')
    await push('one')
    const soon = await probe(SOON)
    const late = { state: 'behind', behind: 2, serial: soon.serial - 2, good: true }
    expect([soon.code, soon.servers[1]]).toMatchObject([0, { name: 'two', ok: true, rrdp: late, rsync: late }])
    const since = soon.servers[1]?.rrdp?.since
    const out = await probe(LATER)
    expect([out.code, out.failed]).toEqual([3, 1])
    expect(out.servers[1]).toMatchObject({
      ok: false,
      rrdp: { ...late, good: false, since, findings: [`serves serial ${out.serial - 2}, published is ${out.serial}`] },
      rsync: { ...late, good: false, since },
      failingSince: LATER,
      lastOk: SOON,
    })
    expect(textOf('nginx')).toContain('server 192.0.2.1:443;\nserver 192.0.2.2:443 down;\n')
    expect(textOf('haproxy')).toContain('rpki/two state maint\n')
    expect(textOf('list')).toBe('192.0.2.1:443\n')
    const prom = join(box.path, 'brine.prom')
    const status = await runBrine(['status', '--json', '--prom', prom], { dataDir, now: LATER })
    expect(status.json<{ servers: unknown; concerns: unknown }>()).toMatchObject({
      servers: { at: LATER, configured: 2, servers: [{ ok: true }, { ok: false }] },
      concerns: expect.arrayContaining([expect.objectContaining({ level: 'warning', code: 'server-failing' })]),
    })
    const metrics = readFileSync(prom, 'utf8')
    expect(metrics).toContain('brine_server_up{server="one",part="rrdp"} 1\n')
    expect(metrics).toContain('brine_server_up{server="two",part="rsync"} 0\n')
    expect(metrics).toContain(`brine_server_serial{server="two",part="rrdp"} ${out.serial - 2}\n`)
    expect(metrics).toContain(`brine_server_in_pool{server="two",pool="${pool('list')}"} 0\n`)
    const nagios = await runBrine(['pubserver', 'probe', '--nagios'], { dataDir, now: LATER })
    expect([nagios.code, nagios.stdout]).toEqual([
      1,
      expect.stringMatching(/^BRINE SERVERS WARNING - 1 of 2 serve .*two: RRDP behind/),
    ])
    await push('two')
    expect((await probe(LATER)).servers[1]).toMatchObject({ ok: true, failingSince: null, lastOk: LATER })
    expect(textOf('list')).toBe('192.0.2.1:443\n192.0.2.2:443\n')
  })
})

describe('a server that is wrong', () => {
  /** What is wrong with server two, and what the probe says of its RRDP and its rsync. */
  const faults: readonly (readonly [string, () => void, string, string, RegExp])[] = [
    [
      'a damaged snapshot',
      () => edit(fileIn('two', 'snapshot.xml'), (text) => text.replace('publish', 'publihs')),
      'broken',
      'ok',
      /another hash/,
    ],
    ['a missing delta', () => rmSync(fileIn('two', 'delta.xml')), 'broken', 'ok', /404/],
    [
      'a later serial',
      () => edit(notification('two'), (text) => text.replace(/serial="\d+"/, 'serial="99"')),
      'ahead',
      'ok',
      /serves serial 99/,
    ],
    [
      'another hash',
      () => edit(notification('two'), (text) => text.replace(/hash="..../, 'hash="0000')),
      'differs',
      'ok',
      /another hash than published/,
    ],
    [
      'a delta that is not named',
      () => edit(notification('two'), (text) => text.replace(/<delta.*\n/, '')),
      'differs',
      'ok',
      /does not name/,
    ],
    [
      'files elsewhere',
      () => edit(notification('two'), (text) => text.replaceAll('https://localhost/', 'https://other/')),
      'differs',
      'ok',
      /not below/,
    ],
    [
      'an error page',
      () => writeFileSync(notification('two'), '<html></html>'),
      'broken',
      'ok',
      /no RRDP notification/,
    ],
    ['no notification', () => rmSync(notification('two')), 'unreachable', 'ok', /404/],
    [
      'an object too many',
      () => writeFileSync(join(folder('two'), 'rsync/current/ta/0/x.roa'), 'x'),
      'ok',
      'differs',
      /ta\/0\/x.roa is not published/,
    ],
    ['a manifest of the same length and time', () => damage('.mft', true), 'ok', 'differs', /other content/],
    ['a ROA of the same length and another time', () => damage('.crl', false), 'ok', 'differs', /other content/],
    ['no tree', () => rmSync(join(folder('two'), 'rsync/current')), 'ok', 'unreachable', /rsync:\/\//],
  ]
  const damage = (end: string, sameTime: boolean): void => {
    const paths = [...rsyncFiles(folder('two')).keys()].filter((path) => path.endsWith(end))
    for (const path of paths) {
      const full = join(folder('two'), 'rsync', 'current', path)
      const { size, atime, mtime } = statSync(full)
      writeFileSync(full, Buffer.alloc(size))
      if (sameTime) utimesSync(full, atime, mtime)
    }
  }

  it.each(faults)('%s', async (_what, spoil, rrdp, rsync, words) => {
    spoil()
    const report = await probe(LATER)
    expect(report.code, JSON.stringify(report.servers)).toBe(3)
    expect(partsOf(report)).toEqual([
      ['ok', 'ok'],
      [rrdp, rsync],
    ])
    expect([report.servers[1]?.rrdp, report.servers[1]?.rsync].flatMap((part) => part?.findings ?? []).join()).toMatch(
      words,
    )
    if (rrdp === 'broken') {
      const quiet = await runBrine(['pubserver', 'probe', '--quiet'], { dataDir, now: LATER })
      expect([quiet.code, quiet.stdout, quiet.stderr]).toEqual([
        3,
        '',
        expect.stringMatching(/^Error: two: RRDP broken: .*\n$/),
      ])
    }
    expect(report.pools.map(({ members }) => members)).toEqual([
      ['one'],
      rrdp === 'ok' ? [...NAMES] : ['one'],
      rsync === 'ok' ? [...NAMES] : ['one'],
    ])
  })

  it('an older session is tolerated for max_lag, as an older serial is', async () => {
    expect((await runAt(dataDir, ['pubserver', 'session-reset', '--yes'])).code).toBe(0)
    expect((await probe(SOON)).servers[1]?.rrdp).toMatchObject({ state: 'differs', good: true })
    const late = await probe(LATER)
    expect([late.code, late.servers[1]?.rrdp]).toMatchObject([15, { state: 'differs', good: false }])
  })

  it('one that hangs, or has an unknown root, keeps no other back', async () => {
    configure('[repository]\nprobe_timeout = "3s"\n')
    hanging = 'two'
    const begun = performance.now()
    const report = await probe()
    expect([report.code, partsOf(report)]).toEqual([
      3,
      [
        ['ok', 'ok'],
        ['unreachable', 'ok'],
      ],
    ])
    expect(performance.now() - begun).toBeLessThan(12_000)
    hanging = undefined
    edit(join(dataDir, 'brine.toml'), (text) => text.replace(/tls_ca = .*\n/, ''))
    const untrusted = await probe()
    expect(untrusted.servers[0]?.rrdp).toMatchObject({
      state: 'unreachable',
      findings: [expect.stringMatching(/certificate/i)],
    })
  })

  it('the last good server stays: the pool is never empty', async () => {
    await probe()
    rmSync(notification('two'))
    expect((await probe()).code).toBe(3)
    expect(textOf('haproxy')).toBe('set server rpki/one state ready\nset server rpki/two state maint\n')
    rmSync(notification('one'))
    const none = await probe()
    expect(none.code).toBe(15)
    expect(none.pools[1]).toMatchObject({
      members: ['one'],
      changed: false,
      warning: expect.stringContaining('stays one'),
    })
    expect(textOf('haproxy')).toBe('set server rpki/one state ready\nset server rpki/two state maint\n')
    const nagios = await runAt(dataDir, ['pubserver', 'probe', '--nagios'])
    expect([nagios.code, nagios.stdout]).toEqual([2, expect.stringContaining('BRINE SERVERS CRITICAL - 0 of 2')])
    // without rsync(1) that part is left out, with a note
    const blind = await runAt(dataDir, ['pubserver', 'probe', '--json'], { env: { PATH: '/nowhere' } })
    expect(blind.json<Report>().servers[0]?.rsync).toMatchObject({
      state: 'unchecked',
      good: true,
      findings: ['rsync(1) is not installed'],
    })
  })

  it('a pool file that cannot be written is a warning, and exit 3', async () => {
    edit(join(dataDir, 'brine.toml'), (text) => text.replace(pool('nginx'), '/nowhere/pool.conf'))
    const report = await probe()
    expect([report.code, report.failed, report.pools[0]?.warning]).toEqual([3, 0, expect.stringContaining('/nowhere')])
  })
})
