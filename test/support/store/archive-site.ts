/** A data directory with weeks of history to archive, copies of it, and queries that the tests share. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll } from 'vitest'
import { archive } from '../../../src/core/app/operations/archive.js'
import type { ArchiveReport } from '../../../src/core/app/operations/archive-report.js'
import { type AuditReport, auditVerify } from '../../../src/core/app/proof/audit.js'
import { addSeconds, type Duration, type Instant } from '../../../src/core/base/time.js'
import { copyDir } from '../processes/cli.js'
import { quickSession } from '../sites/testbed.js'
import { livedIn } from './lived-in.js'

const START = '2027-01-01T00:00:00Z' as Instant
/** Of history. */
export const DAYS = 24
const THRESHOLD = (8 * 86400) as Duration
export const FOLDERS = ['cas/acme', 'cas/testbed', 'ta/ta', 'pubd/0']

export const day = (n: number): Instant => addSeconds(START, n * 86400 + 60)

export interface ArchiveSite {
  readonly folder: string
  readonly dataDir: string
  /** Digest that every audit must report. */
  readonly digest: unknown
  /** Returns a copy to work on: one made by `init --test` stays primary. */
  fresh(from?: string): string
  /** Returns a copy that is archived and, one day later, removed from its original place. */
  done(options?: { to?: string }): Promise<string>
  removeCopies(): void
  remove(): void
}

async function makeSite(name: string): Promise<ArchiveSite> {
  const { folder, dataDir, remove } = await livedIn(name, START, DAYS)
  const { digest } = await audit(dataDir)
  const copies: string[] = []
  const fresh = (from = dataDir): string => {
    const dir = mkdtempSync(join(folder, 'copy-'))
    copies.push(dir)
    return copyDir(from, dir)
  }
  return {
    folder,
    dataDir,
    digest,
    fresh,
    async done(options = {}) {
      const dir = fresh()
      await run(dir, day(DAYS), options)
      await archive(await quickSession(dir, day(DAYS + 1.01)))
      return dir
    },
    removeCopies() {
      for (const dir of copies.splice(0)) rmSync(dir, { recursive: true, force: true })
    },
    remove,
  }
}

/**
 * Creates one for a test file before its first test and removes its copies after each test. Its members are usable only while a test runs.
 */
export function archiveSite(name: string): ArchiveSite {
  let site: ArchiveSite | undefined
  const made = (): ArchiveSite => {
    if (site === undefined) throw new Error('the site is made before the first test, not while tests are listed')
    return site
  }
  beforeAll(async () => {
    site = await makeSite(name)
  }, 120_000)
  afterAll(() => site?.remove())
  afterEach(() => site?.removeCopies())
  return {
    get folder() {
      return made().folder
    },
    get dataDir() {
      return made().dataDir
    },
    get digest() {
      return made().digest
    },
    fresh: (from) => made().fresh(from),
    done: (options) => made().done(options),
    removeCopies: () => made().removeCopies(),
    remove: () => made().remove(),
  }
}

export async function audit(
  dir: string,
  options: { full?: boolean; archives?: readonly string[] } = {},
): Promise<AuditReport> {
  const session = await quickSession(dir, day(DAYS + 5), options.archives)
  return auditVerify(session, { full: options.full === true })
}

export async function run(dir: string, at: Instant, options: { to?: string } = {}): Promise<ArchiveReport> {
  return archive(await quickSession(dir, at), { olderThan: THRESHOLD, ...options })
}

export const files = (dir: string, folder: string): readonly string[] => readdirSync(join(dir, folder)).sort()
export const events = (names: readonly string[]): readonly string[] =>
  names.filter((name) => /^(event|command)-/.test(name))
