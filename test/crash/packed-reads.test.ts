/**
 * Commands on a history in segments while one file or folder cannot be read: the result is the one of a working disk, or an error that says so.
 * A packed file that cannot be read is never a missing or damaged one. A sample of the cases; all of them with SLOW=1.
 */
import { appendFileSync, mkdirSync, readdirSync, rmSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createBackup } from '../../src/core/app/backup/create.js'
import { verifyBackup } from '../../src/core/app/backup/verify.js'
import { exportState } from '../../src/core/app/desired-state/export.js'
import { archive } from '../../src/core/app/operations/archive.js'
import { packDaily } from '../../src/core/app/operations/packing.js'
import { tick } from '../../src/core/app/operations/tick.js'
import { auditVerify } from '../../src/core/app/proof/audit.js'
import { recover } from '../../src/core/app/recovery/recover.js'
import { AppError } from '../../src/core/base/errors.js'
import { addSeconds, type Duration, type Instant } from '../../src/core/base/time.js'
import { onFileOperation } from '../../src/core/store/disk/io-error.js'
import { copyDir } from '../support/processes/cli.js'
import { isSlow, sampled } from '../support/processes/sample.js'
import { quickSession } from '../support/sites/testbed.js'
import { addRoa, type LivedIn, livedIn } from '../support/store/lived-in.js'
import { packNow } from '../support/store/packed.js'

const START = '2027-01-01T00:00:00Z' as Instant
const DAYS = 12
const NOW = addSeconds(START, (DAYS + 10) * 86400)
const FOLDERS = ['cas/acme', 'cas/testbed', 'ta/ta', 'pubd/0']

let site: LivedIn

beforeAll(async () => {
  site = await livedIn('packed-reads', START, DAYS)
  appendFileSync(join(site.dataDir, 'brine.toml'), '\npack_threshold_days = 7\n')
  for (const folder of FOLDERS)
    for (const name of readdirSync(join(site.dataDir, folder)))
      if (name.startsWith('snapshot-')) utimesSync(join(site.dataDir, folder, name), 0, 0)
  expect(await packNow(site.dataDir)).toBeGreaterThan(100)
}, 120_000)
afterAll(() => site.remove())

const session = (dir: string) => quickSession(dir, NOW)

/** Each returns what is the same whether or not a read was tried again. */
const commands: Readonly<Record<string, (dir: string) => Promise<unknown>>> = {
  export: async (dir) => (await exportState(await session(dir), [])).toml(),
  async 'backup create'(dir) {
    const to = `${dir}.tar.gz`
    await createBackup(await session(dir), { to, encryption: { type: 'plain' } })
    onFileOperation(undefined)
    const { options } = await session(dir)
    return (await verifyBackup(options, { source: to, keys: {} })).digest
  },
  async 'audit verify'(dir) {
    const { ok, problems, aggregates, digest } = await auditVerify(await session(dir), { full: true })
    return [ok, problems, aggregates.map(({ head, version, problems }) => [head, version, problems]), digest]
  },
  'recover --dry-run': async (dir) => (await recover(await session(dir), { dryRun: true })).changed,
  async 'archive --dry-run'(dir) {
    const report = await archive(await session(dir), { dryRun: true, olderThan: (2 * 86400) as Duration })
    return report.aggregates.map(({ handle, archived }) => [handle, archived])
  },
  pack: async (dir) => packDaily(await session(dir), { fewest: 8 }),
  'roa add': async (dir) => addRoa(dir, NOW, 251),
}

interface Outcome {
  readonly value?: unknown
  readonly error?: unknown
}

/** Runs a command in a new copy, with an error at read number `at`. Returns all reads until then as well. */
async function runIn(name: string, n: number, at: number): Promise<Outcome & { readonly reads: readonly string[] }> {
  const folder = join(site.folder, `case-${n}`)
  mkdirSync(folder)
  const dir = copyDir(site.dataDir, join(folder, 'd'))
  const reads: string[] = []
  onFileOperation((operation, path) => {
    if (!path.startsWith(dir) || !['read', 'list', 'stat'].includes(operation)) return
    reads.push(`${operation} ${path.slice(dir.length)}`)
    if (reads.length === at) throw Object.assign(new Error('EIO: injected'), { code: 'EIO', path })
  })
  try {
    return { value: await commands[name]?.(dir), reads }
  } catch (error) {
    return { error, reads }
  } finally {
    onFileOperation(undefined)
    rmSync(folder, { recursive: true })
  }
}

/** Returns true for an error of the disk, before the change or in the publication after it. */
function saysSo(error: unknown): boolean {
  return error instanceof AppError && (error.kind === 'io' || (error.kind === 'pending' && /EIO/.test(error.message)))
}

it.each(Object.keys(commands))(
  '%s',
  async (name) => {
    const whole = await runIn(name, 0, 0)
    expect(whole.error).toBeUndefined()
    const all = whole.reads.map((_, i) => i + 1)
    const packed = all.filter((at) => whole.reads[at - 1]?.endsWith('.seg'))
    expect(packed.length).toBeGreaterThan(0)
    const complaints: string[] = []
    for (const at of new Set([...sampled(all, 12), ...sampled(packed, 6)])) {
      const { value, error } = await runIn(name, at, at)
      const isSame = error === undefined && JSON.stringify(value) === JSON.stringify(whole.value)
      if (!isSame && !saysSo(error))
        complaints.push(`${whole.reads[at - 1]}: ${JSON.stringify(value)} ${String(error)}`)
    }
    if (isSlow) process.stderr.write(`${name}: ${all.length} reads, ${packed.length} of segments\n`)
    expect(complaints).toEqual([])
  },
  7_200_000,
)

it('tick does what is due where a segment cannot be read', async () => {
  const dir = copyDir(site.dataDir, join(site.folder, 'unread'))
  const notices: string[] = []
  const made = await session(dir)
  onFileOperation((operation, path) => {
    if (operation === 'read' && path.startsWith(join(dir, 'cas/acme/packed')))
      throw Object.assign(new Error('EIO: injected'), { code: 'EIO', path })
  })
  const report = await tick({ ...made, options: { ...made.options, onNotice: (text: string) => notices.push(text) } })
  onFileOperation(undefined)
  expect(report.failed).toEqual([])
  expect(report.done.map(({ what }) => what)).toContain('republish')
  expect(notices.join()).toMatch(/not packed: .*\.seg: read failed: EIO/)
})
