/** Damage that loses nothing, or that the next command repairs: monitoring has to know of it, since the disk or a program may do more. */
import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { StatusReport } from '../../../src/core/app/status/report.js'
import { brine, copyDir } from '../../support/processes/cli.js'
import { runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
  await runAt(box.dataDir, ['tick'])
})
afterAll(() => box.remove())

const look = async (dir: string) => (await runAt(dir, ['status', '--json'])).json<StatusReport>()
const codes = (report: StatusReport) => report.concerns.map((c) => `${c.level} ${c.code}`)

const newestSnapshot = (dir: string): string => {
  const names = readdirSync(join(dir, 'cas/acme')).filter((name) => /^snapshot-\d+\.json$/.test(name))
  return join(dir, 'cas/acme', names.sort((a, b) => parseInt(b.slice(9), 10) - parseInt(a.slice(9), 10))[0] ?? '')
}
const publishedFile = (dir: string, suffix: string): string => {
  const root = join(dir, 'repo/rsync/current/')
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' })
  return join(root, names.find((name) => name.startsWith('acme') && name.endsWith(suffix)) ?? '')
}
/** Replaces a file, as an editor does: the signed object, to which the published one is a hard link, stays as it is. */
const put = (path: string): void => {
  rmSync(path)
  writeFileSync(path, 'x')
}

describe('files that nothing is lost without', () => {
  it.each<[string, (dir: string) => void, string?]>([
    ['a snapshot that is cut off', (dir) => truncateSync(newestSnapshot(dir), 20)],
    ['a snapshot that is gone', (dir) => rmSync(newestSnapshot(dir))],
    ['an info.json with other content', (dir) => writeFileSync(join(dir, 'cas/acme/info.json'), 'x')],
    ['an info.json that is gone', (dir) => rmSync(join(dir, 'cas/testbed/info.json')), 'ca/testbed'],
    ['an index of the archive with other content', (dir) => writeFileSync(join(dir, 'cas/acme/archived.json'), '{')],
  ])('%s is a warning until recover has repaired it', async (_, damage, owner = 'ca/acme') => {
    const dir = box.copy()
    damage(dir)
    const ran = await runAt(dir, ['status', '--json'])
    const report = ran.json<StatusReport>()
    expect(codes(report)).toEqual(['warning file-damaged'])
    expect(report.concerns[0]?.hint).toBe(`brine recover ${owner}`)
    expect(report.bypassed).toMatchObject([{ aggregate: owner }])
    // a finding is not a warning on standard error too
    expect(ran.stderr).toBe('')
    const nagios = await runAt(dir, ['status', '--nagios'])
    expect([nagios.code, nagios.stdout]).toEqual([1, expect.stringContaining(' damaged=1;0 ')])
    await runAt(dir, ['recover', owner])
    expect(codes(await look(dir))).toEqual([])
  })

  it('is in the metrics', async () => {
    const dir = box.copy()
    truncateSync(newestSnapshot(dir), 20)
    const file = join(box.path, 'brine.prom')
    await runAt(dir, ['status', '--prom', file])
    expect(readFileSync(file, 'utf8')).toMatch(/^brine_damaged_files 1$/m)
  })

  it.each(['last-tick', 'head', 'clock'])(
    'a record %s.json in status/ is a warning until it is removed',
    async (name) => {
      const dir = box.copy()
      writeFileSync(join(dir, 'status', `${name}.json`), '{"format"')
      const report = await look(dir)
      expect(codes(report)).toEqual(['warning file-damaged'])
      rmSync(join(dir, 'status', `${name}.json`))
      await runAt(dir, ['tick'])
      expect(codes(await look(dir))).toEqual([])
    },
  )
})

describe('a published tree that something else changed', () => {
  it.each<[string, string, (dir: string) => void]>([
    ['a manifest is gone', 'rsync', (dir) => rmSync(publishedFile(dir, '.mft'))],
    ['a CRL has other content', 'rsync', (dir) => put(publishedFile(dir, '.crl'))],
    [
      'the objects of a CA are gone',
      'rsync',
      (dir) => rmSync(join(dir, 'repo/rsync/current/acme'), { recursive: true }),
    ],
    [
      'a foreign file',
      'rsync',
      (dir) => writeFileSync(join(dir, 'repo/rsync/current/acme/x.roa'), 'x', { mode: 0o644 }),
    ],
    ['a notification with other content', 'rrdp', (dir) => put(join(dir, 'repo/rrdp/notification.xml'))],
    ['a TAL with other content', 'ta', (dir) => put(join(dir, 'repo/ta/ta.tal'))],
  ])('%s: a warning, and tick says that it wrote the tree again', async (_, part, damage) => {
    const dir = box.copy()
    damage(dir)
    expect(codes(await look(dir))).toContain('warning served-behind')
    const { code, stderr } = await runAt(dir, ['tick'])
    expect([code, stderr]).toEqual([0, expect.stringMatching(`changed from outside \\((\\w+, )*${part}`)])
    expect(codes(await look(dir))).toEqual([])
    expect((await runAt(dir, ['audit', 'verify'])).code).toBe(0)
    expect((await runAt(dir, ['tick'])).stderr).toBe('')
  })

  it('is silent after a publication that was only late', async () => {
    const dir = box.copy()
    const added = await runAt(dir, ['roa', 'add', 'acme', '192.0.2.0/24 => 64496'])
    expect([added.code, added.stderr]).toEqual([0, ''])
    expect((await runAt(dir, ['tick'])).stderr).toBe('')
  })
})

describe('files that are used later', () => {
  it('a private key that is cut off is critical before it is due', async () => {
    const dir = box.copy()
    for (const name of readdirSync(join(dir, 'keys')))
      if (name.length === 40) truncateSync(join(dir, 'keys', name), 600)
    expect(codes(await look(dir))).toEqual(['critical key-damaged', 'critical key-damaged', 'critical key-damaged'])
  })

  it.each<[string, (dir: string) => void]>([
    ['a certificate without content', (dir) => truncateSync(join(dir, 'ssl/cert.pem'), 0)],
    ['a key that is cut off', (dir) => truncateSync(join(dir, 'ssl/key.pem'), 100)],
    ['a key that is gone', (dir) => rmSync(join(dir, 'ssl/key.pem'))],
  ])('of the HTTPS pair, %s is a warning', async (_, damage) => {
    const dir = box.copy()
    damage(dir)
    expect(codes(await look(dir))).toEqual(['warning tls-damaged'])
    rmSync(join(dir, 'ssl'), { recursive: true })
    mkdirSync(join(dir, 'ssl'), { mode: 0o700 })
    expect(codes(await look(dir))).toEqual([])
  })
})

it('a directory that became a stand-by because its origin is damaged says so', async () => {
  const live = join(box.path, 'live')
  await brine(['init'], { dataDir: live })
  writeFileSync(join(live, 'status/origin.json'), 'x')
  const report = (await brine(['status', '--json'], { dataDir: live })).json<StatusReport>()
  expect([report.role, codes(report)]).toEqual(['standby', ['warning file-damaged']])
  expect(report.concerns[0]?.hint).toContain('brine promote')
  const copy = copyDir(live, join(box.path, 'copy'))
  rmSync(join(copy, 'status/origin.json'))
  expect((await brine(['status', '--json'], { dataDir: copy })).json<StatusReport>().concerns).toEqual([])
})

describe('a copy whose newest commits cannot be used', () => {
  let live: string
  let number = 0
  const copy = (damage: (dir: string) => void): string => {
    number += 1
    const dir = copyDir(live, join(box.path, `standby-${number}`))
    damage(dir)
    return dir
  }
  beforeAll(async () => {
    live = join(box.path, 'primary')
    const uris = ['--rsync', 'rsync://rpki.example.net/repo/', '--rrdp', 'https://rpki.example.net/rrdp/']
    await brine(['testbed', 'init', ...uris], { dataDir: live })
    await brine(['ca', 'add', 'acme', '--under', 'testbed', '--resources', 'AS64496, 192.0.2.0/24'], { dataDir: live })
    await brine(['roa', 'add', 'acme', '192.0.2.0/24 => 64496'], { dataDir: live })
  })

  it.each<[string, (dir: string) => void]>([
    ['a command that is cut off', (dir) => truncateSync(join(dir, 'cas/acme/command-2.json'), 9)],
    ['an event with other content', (dir) => writeFileSync(join(dir, 'cas/acme/event-0.json'), '{}')],
    ['a commit that is cut off', (dir) => truncateSync(join(dir, 'commits/3.json'), 9)],
    [
      'a command that is cut off, and a later commit that is missing',
      (dir) => {
        truncateSync(join(dir, 'cas/acme/command-1.json'), 9)
        rmSync(join(dir, 'commits/3.json'))
      },
    ],
  ])('%s: says that it is damaged, and what keeps more than a promote', async (_, damage) => {
    const dir = copy(damage)
    const { stderr } = await brine(['roa', 'list', 'testbed'], { dataDir: dir })
    expect(stderr).toMatch(
      /^Warning: this copy is damaged: .*opened at commit \d, without \d newer ones?; recover can keep/,
    )
    expect(stderr).toContain('recover --dry-run')
    const ran = await brine(['status', '--json'], { dataDir: dir })
    expect([codes(ran.json<StatusReport>()), ran.stderr]).toEqual([['warning copy-damaged'], ''])
  })

  it.each<[string, (dir: string) => void]>([
    ['the newest commit', (dir) => rmSync(join(dir, 'commits/3.json'))],
    ['the newest command', (dir) => rmSync(join(dir, 'cas/acme/command-2.json'))],
  ])('%s is missing: says that the copy was taken while commands ran', async (_, damage) => {
    const dir = copy(damage)
    const { stderr } = await brine(['roa', 'list', 'testbed'], { dataDir: dir })
    expect(stderr).toBe(
      'Warning: this copy was taken while commands ran: opened at commit 2, 1 newer one is incomplete\n',
    )
    expect(codes((await brine(['status', '--json'], { dataDir: dir })).json<StatusReport>())).toEqual([
      'warning copy-partial',
    ])
  })
})
