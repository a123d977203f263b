/** Finds the relying-party validators and the bench that judges with them. An interop test skips by name where they are absent; with BRINE_REQUIRE_VALIDATORS=1 it fails. */
import { execFile } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TestContext } from 'vitest'

const SHARED = fileURLToPath(new URL('../../../../shared', import.meta.url))

/** `validate-offline.sh`, `validate-online.sh` and `derlint.py`; BRINE_BENCH overrides. */
export const benchDir = process.env['BRINE_BENCH'] ?? join(SHARED, 'bench')

/** Objects and messages that other implementations made; BRINE_PEER_DATA overrides. */
export const peerDataDir = process.env['BRINE_PEER_DATA'] ?? join(SHARED, 'peer-data')

export interface Validators {
  readonly rpkiClient: string | undefined
  readonly fort: string | undefined
}

export interface ValidatorRun {
  /** Every object accepted, nothing warned about, every file reached, the expected VRPs. */
  readonly ok: boolean
  /** What the bench printed: show it when `ok` is false. */
  readonly output: string
}

export interface OfflineOptions {
  /** Evaluate at this time, seconds since the epoch; FORT needs `faketime` for it. */
  readonly at?: number
  /** Leave out the check that every file on disk was reached. */
  readonly partial?: boolean
}

/** The path of a program in PATH (and in the sbin folders, where rpki-client lives); undefined when there is none. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  return folders.map((folder) => join(folder, name)).find(isExecutable)
}

/** rpki-client and FORT: from RPKI_CLIENT and FORT, else from PATH. Throws when a variable names something that cannot run. */
export function validators(): Validators {
  return { rpkiClient: fromEnvironment('RPKI_CLIENT', 'rpki-client'), fort: fromEnvironment('FORT', 'fort') }
}

/** What an offline judgement lacks: nothing when one validator can run, or both under BRINE_REQUIRE_VALIDATORS=1. */
function missingForJudgement(found: Validators): readonly string[] {
  const missing = ['jq', 'bash'].filter((name) => findProgram(name) === undefined)
  if (!existsSync(join(benchDir, 'validate-offline.sh'))) missing.push(`${benchDir}/validate-offline.sh`)
  const strict = process.env['BRINE_REQUIRE_VALIDATORS'] === '1'
  const none = found.rpkiClient === undefined && found.fort === undefined
  if (found.rpkiClient === undefined && (strict || none)) missing.push('rpki-client (RPKI_CLIENT)')
  if (found.fort === undefined && (strict || none)) missing.push('fort (FORT)')
  return missing
}

/** Returns the validators; skips the test, saying what is missing, when none can run. BRINE_REQUIRE_VALIDATORS=1 wants both and fails. */
export function skipUnlessValidators(context: TestContext): Validators {
  const found = validators()
  const missing = missingForJudgement(found)
  if (missing.length > 0) skipOrFail(context, missing)
  return found
}

/** For the steps of a story, which must go on without validators: another test of it calls `skipUnlessValidators` and so tells. */
export function canJudge(): boolean {
  return missingForJudgement(validators()).length === 0
}

/** Skips the test, saying so, when `derlint.py` or Python is absent; returns the findings of a run over `paths` as text, empty when clean. */
export async function derlint(context: TestContext, paths: readonly string[]): Promise<string> {
  const script = join(benchDir, 'derlint.py')
  const missing = findProgram('python3') === undefined ? ['python3'] : []
  if (!existsSync(script)) missing.push(script)
  if (missing.length > 0) skipOrFail(context, missing)
  const { status, output } = await run('python3', [script, ...paths], process.env)
  return status === 0 ? '' : output
}

/**
 * Judges an rsync-shaped tree (`<rsyncRoot>/<module>/...`) with every validator found, without any network.
 * `expectVrps` holds lines `AS64496,192.0.2.0/24,24`; undefined compares the validators with each other only.
 */
export async function runOffline(
  rsyncRoot: string,
  tal: string,
  expectVrps: readonly string[] | undefined,
  options: OfflineOptions = {},
): Promise<ValidatorRun> {
  const found = validators()
  const scratch = await mkdtemp(join(tmpdir(), 'brine-validators-'))
  try {
    const args = [join(benchDir, 'validate-offline.sh')]
    if (options.at !== undefined) args.push('-t', String(options.at))
    if (options.partial === true) args.push('-c')
    if (expectVrps !== undefined) {
      const file = join(scratch, 'expected.csv')
      await writeFile(file, expectVrps.map((line) => `${line}\n`).join(''))
      args.push('-e', file)
    }
    const env = { ...process.env, TMPDIR: tmpdir(), RPKI_CLIENT: found.rpkiClient ?? '', FORT: found.fort ?? '' }
    const { status, output } = await run('bash', [...args, rsyncRoot, tal], env)
    return { ok: status === 0, output }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

function fromEnvironment(variable: string, program: string): string | undefined {
  const named = process.env[variable]
  if (named === undefined || named === '') return findProgram(program)
  if (!isExecutable(named)) throw new Error(`${variable}=${named} is not a program that can run`)
  return named
}

/**
 * Skips the test with what is missing, or fails it under BRINE_REQUIRE_VALIDATORS=1. Scripts and data that lie beside the checkout
 * are no part of it: without them the test skips, unless BRINE_BENCH or BRINE_PEER_DATA said where they are.
 */
export function skipOrFail(context: TestContext, missing: readonly string[]): void {
  const reason = `missing: ${missing.join(', ')}`
  const named = (process.env['BRINE_BENCH'] ?? process.env['BRINE_PEER_DATA']) !== undefined
  const beside = missing.every((name) => name.startsWith(SHARED)) && !named
  if (process.env['BRINE_REQUIRE_VALIDATORS'] === '1' && !beside)
    throw new Error(`BRINE_REQUIRE_VALIDATORS=1, ${reason}`)
  context.skip(reason)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function run(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ readonly status: number; readonly output: string }> {
  return new Promise((resolve) => {
    const child = execFile(
      program,
      args,
      { env, timeout: 120_000, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) =>
        resolve({ status: error === null ? 0 : (child.exitCode ?? 1), output: `${stdout}${stderr}` }),
    )
  })
}
