/** What the tests of backup and restore begin with: a primary with one ROA, its backup sealed and plain. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generateIdentity, identityToRecipient } from 'age-encryption'
import type { BackupReport } from '../../../src/core/app/backup/create.js'
import { brine, type RunResult, runBrine, scratchDir } from '../../support/processes/cli.js'
import { copySeed } from '../../support/sites/seeds.js'

export const ROA = '192.0.2.0/24-24 => 64496'

interface Failure {
  readonly error: {
    readonly kind: string
    readonly code: string
    readonly changed: string
    readonly details: Record<string, unknown>
  }
}

export const failure = ({ stdout }: RunResult): Failure['error'] => (JSON.parse(stdout) as Failure).error

export const digestOf = async (dataDir: string): Promise<string> =>
  (await brine(['audit', 'digest', '--json'], { dataDir })).json<{ full: string }>().full

export const restore = (source: string, into: string, ...more: readonly string[]): Promise<RunResult> =>
  runBrine(['restore', source, '--into', into, '--yes', '--json', ...more])

async function makeAcme(dataDir: string): Promise<void> {
  await brine(['testbed', 'init'], { dataDir })
  await brine(['ca', 'add', 'acme', '--under', 'testbed', '--resources', '192.0.2.0/24, AS64496'], { dataDir })
  await brine(['roa', 'add', 'acme', ROA], { dataDir })
}

export interface BackupBox {
  /** The scratch folder, and paths below it. */
  readonly path: string
  at(...names: readonly string[]): string
  /** The primary, which takes the real clock. */
  readonly live: string
  /** Its backup, encrypted to the identity that `key` names. */
  readonly sealed: string
  readonly plain: string
  /** The flags that open `sealed`. */
  readonly key: readonly string[]
  /** An empty folder for backups. */
  readonly shelf: string
  /** Makes all of it. Returns the report of `sealed` and the digest of `live`. */
  make(): Promise<{ readonly created: BackupReport; readonly digest: string }>
  remove(): void
}

export function backupBox(): BackupBox {
  const { path, remove } = scratchDir()
  const at = (...names: readonly string[]): string => join(path, ...names)
  const [live, sealed, plain, shelf] = [at('live'), at('sealed.age'), at('plain.tar.gz'), at('shelf')]
  const dataDir = live
  async function make() {
    await copySeed('backed-up', live, makeAcme, { primary: true, pool: true })
    const identity = await generateIdentity()
    writeFileSync(at('identity'), `# a key for tests\n${identity}\n`, { mode: 0o600 })
    mkdirSync(shelf)
    const digest = await digestOf(live)
    const recipient = ['--recipient', await identityToRecipient(identity)]
    const made = await brine(['backup', 'create', sealed, ...recipient, '--json'], { dataDir })
    await brine(['backup', 'create', plain, '--plain'], { dataDir })
    return { created: made.json<BackupReport>(), digest }
  }
  return { path, at, live, sealed, plain, key: ['--identity', at('identity')], shelf, make, remove }
}
