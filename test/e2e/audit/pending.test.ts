/** A publication that lags behind its commit is one line and exit 17, not a fault in every file; only what no commit explains is a fault. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { tick } from '../../../src/core/app/operations/tick.js'
import { type AuditReport, auditVerify } from '../../../src/core/app/proof/audit.js'
import type { Instant } from '../../../src/core/base/time.js'
import { copyDir, runBrine } from '../../support/processes/cli.js'
import { quickSession, scratchFolder } from '../../support/sites/testbed.js'
import { addRoa, livedIn } from '../../support/store/lived-in.js'

const START = '2027-01-01T00:00:00Z' as Instant
const at = (hour: string): Instant => `2027-01-03T${hour}:00:00Z` as Instant
const NOW = at('05')

let scratch: ReturnType<typeof scratchFolder>
let site: Awaited<ReturnType<typeof livedIn>>
/** After each of three changes. */
const versions: string[] = []
let dir: string

beforeAll(async () => {
  scratch = scratchFolder('pending')
  site = await livedIn('pending-site', START, 1)
  for (const n of [1, 2, 3]) {
    await addRoa(site.dataDir, at(`0${n}`), n + 100)
    versions.push(copyDir(site.dataDir, join(scratch.dir, `v${n}`)))
  }
}, 120_000)
afterAll(() => {
  scratch.remove()
  site.remove()
})

let copies = 0
beforeEach(() => {
  copies += 1
  dir = copyDir(versions[2] ?? '', join(scratch.dir, `copy-${copies}`))
})

const verify = async (): Promise<AuditReport> => auditVerify(await quickSession(dir, NOW))
const faults = ({ problems, aggregates }: AuditReport): readonly string[] =>
  [...problems, ...aggregates.flatMap((a) => a.problems)].map(({ file }) => file)
/** Replaces part of the published tree by that of an earlier version. */
function serve(version: number, part = '.'): void {
  const path = join(dir, 'repo', part)
  rmSync(path, { recursive: true, force: true })
  cpSync(join(versions[version - 1] ?? '', 'repo', part), path, { recursive: true, verbatimSymlinks: true })
}
async function expectPending(reason: string): Promise<void> {
  const report = await verify()
  expect(faults(report)).toEqual([])
  expect(report).toMatchObject({ ok: true, pending: { reason, hint: 'brine tick' } })
}
async function expectHealed(): Promise<void> {
  await tick(await quickSession(dir, NOW))
  expect(await verify()).toMatchObject({ ok: true, pending: null })
}

describe('a publication that lags', () => {
  it('is one line and exit 17, and tick completes it', async () => {
    serve(2)
    const ran = await runBrine(['audit', 'verify'], { dataDir: dir, now: NOW })
    expect(ran.code).toBe(17)
    expect(ran.stdout.match(/the published tree lags: .*: brine tick/g)).toHaveLength(1)
    expect(ran.stdout).not.toContain('repo/')
    await expectHealed()
  })

  it('includes the folders that it had just made when it ended; one that is served must be readable', async () => {
    serve(2)
    const notification = readFileSync(join(dir, 'repo/rrdp/notification.xml'), 'utf8')
    const [, session = '', serial = ''] = /session_id="([^"]+)" serial="(\d+)"/.exec(notification) ?? []
    const current = readlinkSync(join(dir, 'repo/rsync/current'))
    for (const path of ['rsync/unused/ta', `rrdp/${session}/${Number(serial) + 1}/0123`])
      mkdirSync(join(dir, 'repo', path), { recursive: true, mode: 0o700 })
    await expectPending('lags')
    chmodSync(join(dir, 'repo/rsync', current), 0o700)
    chmodSync(join(dir, 'repo/rrdp', session, serial), 0o700)
    expect(faults(await verify())).toEqual([`repo/rsync/${current}`, `repo/rrdp/${session}/${serial}`])
    await expectHealed()
  })

  it('by several commits is the same', async () => {
    serve(1)
    await expectPending('lags')
    await expectHealed()
  })

  it('in one part, after a crash between two switches', async () => {
    for (const part of ['rrdp', 'rsync']) {
      serve(3)
      serve(2, part)
      if (part === 'rsync')
        cpSync(join(versions[1] ?? '', 'repo/.state'), join(dir, 'repo/.state'), { recursive: true })
      await expectPending('lags')
    }
    await expectHealed()
  })

  it('and was never written', async () => {
    rmSync(join(dir, 'repo'), { recursive: true })
    await expectPending('unwritten')
    await expectHealed()
  })

  it('without its trust anchor files', async () => {
    for (const name of readdirSync(join(dir, 'repo/ta'))) rmSync(join(dir, 'repo/ta', name))
    await expectPending('unwritten')
    await expectHealed()
  })
})

describe('what no commit explains', () => {
  it('is a fault beside the one line of what lags', async () => {
    serve(2)
    const tree = join(dir, 'repo/rsync/current')
    const [name] = readdirSync(tree, { recursive: true, encoding: 'utf8' }).filter((n) => n.endsWith('.mft'))
    const file = join(tree, name ?? '')
    rmSync(file)
    writeFileSync(file, 'other', { mode: 0o644 })
    const report = await verify()
    expect(faults(report)).toEqual([expect.stringMatching(/\.mft$/)])
    expect(report).toMatchObject({ ok: false, pending: { reason: 'lags' } })
    expect((await runBrine(['audit', 'verify'], { dataDir: dir, now: NOW })).code).toBe(12)
  })

  it('is a removed file, and a changed one of the newest tree', async () => {
    const rrdp = join(dir, 'repo/rrdp')
    rmSync(join(rrdp, 'notification.xml'))
    const report = await verify()
    expect(faults(report)).toEqual(['repo/rrdp/notification.xml'])
    expect(report.pending).toBeNull()
  })

  it('is a serial that this history did not reach: one line', async () => {
    dir = copyDir(versions[0] ?? '', join(scratch.dir, `old-${copies}`))
    rmSync(join(dir, 'repo'), { recursive: true })
    cpSync(join(versions[2] ?? '', 'repo'), join(dir, 'repo'), { recursive: true, verbatimSymlinks: true })
    const report = await verify()
    expect(faults(report)).toEqual(['repo/rrdp/notification.xml'])
    expect(report.problems[0]?.problem).toContain('no commit explains it')
  })

  it('is a trust anchor certificate of another kind', async () => {
    const [name] = readdirSync(join(dir, 'repo/ta')).filter((n) => n.endsWith('.cer'))
    writeFileSync(join(dir, 'repo/ta', name ?? ''), 'other')
    expect(faults(await verify())).toEqual([`repo/ta/${name}`])
  })
})

describe('a copy', () => {
  it('that is a stand-by has no fault, whatever its tree shows, and is pending after promote until it is published', async () => {
    const live = join(scratch.dir, `live-${copies}`)
    // made with the real clock: a copy of it is a stand-by
    const made = await runBrine(
      ['testbed', 'init', '--rsync', 'rsync://rpki.example/repo/', '--rrdp', 'https://rpki.example/rrdp/'],
      { dataDir: live },
    )
    expect(made.code).toBe(0)
    const copy = copyDir(live, `${live}-copy`)
    rmSync(join(copy, 'repo/rsync'), { recursive: true })
    const standby = await runBrine(['audit', 'verify'], { dataDir: copy })
    expect([standby.code, standby.stdout.match(/stand-by publishes nothing/g)?.length]).toEqual([0, 1])
    expect((await runBrine(['promote', '--reason', 'test', '--yes'], { dataDir: copy })).code).toBe(0)
    expect((await runBrine(['audit', 'verify'], { dataDir: copy })).code).toBe(0)
    // another primary writes the tree of the first one
    rmSync(join(live, 'repo'), { recursive: true })
    renameSync(join(copy, 'repo'), join(live, 'repo'))
    const held = await runBrine(['audit', 'verify'], { dataDir: live })
    expect([held.code, held.stdout.match(/is written by another primary/g)?.length]).toEqual([17, 1])
    const lost = await runBrine(['audit', 'verify'], { dataDir: copy })
    expect([lost.code, existsSync(join(copy, 'repo'))]).toEqual([17, false])
  })
})
