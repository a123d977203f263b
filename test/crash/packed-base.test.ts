/**
 * Commands on a history in segments with failing file operations: what holds for single files holds for packed ones. A sample of the cases;
 * all of them with SLOW=1.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { roaArguments } from '../../src/core/app/authority/roa-set.js'
import { updateRoas } from '../../src/core/app/authority/roas.js'
import { createBackup } from '../../src/core/app/backup/create.js'
import { restoreBackup } from '../../src/core/app/backup/restore.js'
import { exportState } from '../../src/core/app/desired-state/export.js'
import { clean } from '../../src/core/app/operations/clean.js'
import { promote } from '../../src/core/app/operations/promote.js'
import { auditVerify } from '../../src/core/app/proof/audit.js'
import { recover } from '../../src/core/app/recovery/recover.js'
import type { CommandContext } from '../../src/core/base/context.js'
import { parseHandle } from '../../src/core/base/handle.js'
import { addSeconds, type Instant } from '../../src/core/base/time.js'
import { openStore } from '../../src/core/store/commit/file-store.js'
import { copyDir } from '../support/processes/cli.js'
import { DAMAGED, KINDS, logical, type Subject, sweep } from '../support/processes/sweep.js'
import { newTestbed, quickSession } from '../support/sites/testbed.js'
import { addRoa, type LivedIn, livedIn } from '../support/store/lived-in.js'
import { packNow } from '../support/store/packed.js'

const START = '2027-01-01T00:00:00Z' as Instant
const NOW = addSeconds(START, 14 * 86400)
const folder = mkdtempSync(join(tmpdir(), 'brine-packed-base-'))
const [damaged, backups, live] = ['damaged', 'backups', 'live'].map((name) => join(folder, name)) as [
  string,
  string,
  string,
]
let site: LivedIn

beforeAll(async () => {
  site = await livedIn('packed-base', START, 14)
  for (const aggregate of ['cas/acme', 'cas/testbed', 'ta/ta', 'pubd/0'])
    for (const name of readdirSync(join(site.dataDir, aggregate)))
      if (name.startsWith('snapshot-')) utimesSync(join(site.dataDir, aggregate, name), 0, 0)
  expect(await packNow(site.dataDir)).toBeGreaterThan(100)
  mkdirSync(backups)
  const to = join(backups, 'b.tar.gz')
  await createBackup(await quickSession(site.dataDir, NOW), { to, encryption: { type: 'plain' } })
  copyDir(site.dataDir, damaged)
  const segments = join(damaged, 'cas/acme/packed')
  for (const name of readdirSync(segments)) truncateSync(join(segments, name), 3000)
  await newTestbed(live)
  for (let n = 1; n <= 6; n++) await addLive(live, n)
  expect(await packNow(live)).toBeGreaterThan(10)
}, 120_000)
afterAll(() => {
  site.remove()
  rmSync(folder, { recursive: true, force: true })
})

function context(dataDir: string, now: string | undefined): CommandContext {
  const who = { actor: 'tester', osUser: 'tester', host: 'host.example', command: 'test', reason: 'a test' }
  return { dataDir, ...who, ...(now === undefined ? {} : { nowOverride: now }) }
}

async function reasoned(dir: string) {
  const made = await quickSession(dir)
  return { ...made, options: { ...made.options, reason: 'a test' } }
}

const addLive = async (dir: string, n: number): Promise<void> => {
  if (openStore(dir).role().role === 'standby') await promote(await reasoned(dir))
  const add = roaArguments({ add: [`192.0.2.${n}/32 => 64496`] })
  await updateRoas(await quickSession(dir), parseHandle('testbed'), add, {})
}

const next = (dir: string, now?: string) => addRoa(dir, (now ?? NOW) as Instant, 250)
const restore = (dir: string, now: string | undefined) =>
  restoreBackup(context(dir, now), { source: join(dir, '../../b.tar.gz'), keys: {} })

async function recoverState(dir: string, now: string | undefined): Promise<string> {
  const { changed } = await recover(await quickSession(dir, now), { dryRun: true })
  return changed ? DAMAGED : logical(dir, now)
}

const subjects: Readonly<Record<string, () => Omit<Subject, 'name'>>> = {
  'roa add': () => ({ now: NOW, base: site.dataDir, run: (dir, now) => addRoa(dir, now as Instant, 240), next }),
  clean: () => ({
    now: '2099-01-01T00:00:00Z',
    base: site.dataDir,
    prepare(dir) {
      mkdirSync(join(dir, 'cas/acme/surplus'))
      writeFileSync(join(dir, 'cas/acme/surplus/event-99.json.0123456789ab'), 'left behind')
    },
    run: async (dir, now) => clean(await quickSession(dir, now)),
    next,
  }),
  recover: () => ({
    now: NOW,
    base: damaged,
    run: async (dir, now) => recover(await quickSession(dir, now), { permit: 'anything' }),
    state: recoverState,
    begun: DAMAGED,
    half: /^[0-9a-f]{64}$/,
    async next(dir, now) {
      await recover(await quickSession(dir, now), { permit: 'anything' })
      expect(await recoverState(dir, now)).not.toBe(DAMAGED)
      await next(dir, now)
    },
  }),
  restore: () => ({
    now: NOW,
    base: backups,
    place: 'above/data',
    run: restore,
    async next(dir, now) {
      const again = restore(dir, now)
      if (existsSync(join(dir, 'brine.json'))) await again.catch(() => undefined)
      else await again
      await next(dir, now)
    },
  }),
  promote: () => ({
    base: live,
    run: async (dir) => promote(await reasoned(dir)),
    state: async (dir) => openStore(dir).role().role,
    next: (dir) => addLive(dir, 99),
  }),
}

it.each(Object.keys(subjects))(
  '%s',
  async (name) => {
    const subject = subjects[name]?.()
    if (subject === undefined) throw new Error('no such subject')
    // a recovery that cannot write a cache is done, and says so in a notice: the next one writes it
    const kinds = name === 'recover' ? (['kill', 'torn'] as const) : KINDS
    const { operations, complaints } = await sweep({ name, ...subject }, kinds, 6)
    expect(operations.length).toBeGreaterThan(1)
    expect(complaints).toEqual([])
  },
  7_200_000,
)

it('an export, a backup and what is restored from it are those of single files', async () => {
  const plain = await livedIn('packed-plain', START, 14)
  const [a, b] = [await quickSession(plain.dataDir, NOW), await quickSession(site.dataDir, NOW)]
  const [one, other] = [await exportState(a, []), await exportState(b, [])]
  expect(other.toml()).toBe(one.toml())
  const back = join(folder, 'back')
  await restoreBackup(context(back, NOW), { source: join(backups, 'b.tar.gz'), keys: {} })
  expect(await logical(back, NOW)).toBe(await logical(plain.dataDir, NOW))
  const report = await auditVerify(await quickSession(back, NOW), { full: true })
  expect(report.aggregates.flatMap(({ problems }) => problems)).toEqual([])
  plain.remove()
})
