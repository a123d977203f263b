/**
 * `doctor --bundle`: a compressed tar file for support. Invariants: no file of `keys/` and `ssl/`, and no text of the configuration is in it;
 * what is in it is named in for-support.ts; the last step replaces every secret that the configuration or the environment leads to.
 */
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { folderSummaries, textOf } from '../../audit/host-survey.js'
import { padded, tarEnd, tarHeader } from '../../backup/tar-blocks.js'
import type { CommandContext } from '../../base/context.js'
import { AppError } from '../../base/errors.js'
import { instantOf } from '../../base/time.js'
import { configEntries } from '../../config/load.js'
import { type ConfigProblem, checkConfig } from '../operations/config.js'
import { writeDocument } from '../operations/user-files.js'
import { listHistory } from '../proof/history.js'
import type { Session } from '../session/session.js'
import type { Diagnosis } from './doctor.js'
import { checksForSupport, configForSupport, historyForSupport, statusForSupport } from './for-support.js'

/** Newest commands in the bundle. */
const ROWS = 200
/** Folders of a data directory; others are counted together. */
const FOLDERS = [
  'cas',
  'commits',
  'est',
  'ha',
  'keys',
  'locks',
  'objects',
  'pubd',
  'repo',
  'ssl',
  'status',
  'ta',
  'tmp',
]

export type Environment = Readonly<Record<string, string | undefined>>

/** Writes the bundle to a new file of mode 0600. Throws `file-exists` (usage), `io`. */
export async function writeBundle(
  path: string,
  { report, session, status }: Diagnosis,
  context: CommandContext,
  env: Environment,
): Promise<void> {
  const entries = session === undefined ? [] : configEntries(session.loaded)
  const parts: Readonly<Record<string, unknown>> = {
    'doctor.json': checksForSupport(report),
    'config.json': configForSupport(session, await configProblems(context, report.dataDir), entries),
    'status.json': status === undefined ? null : statusForSupport(status),
    'history.json': session === undefined ? [] : await history(session),
    'folders.json': folders(report.dataDir),
    'environment.json': variables(env),
  }
  const secrets = knownSecrets(session, env)
  const files = [
    ['README.txt', README],
    ...Object.entries(parts).map(([name, part]) => [name, `${JSON.stringify(part, replacing(secrets), 1)}\n`]),
  ] as const
  const modified = Math.floor(Date.parse(report.at) / 1000)
  const blocks = files.flatMap(([name = '', text = '']) => {
    const bytes = Buffer.from(text)
    const header = tarHeader({ name: `brine-support/${name}`, size: bytes.length, mode: 0o600, modified })
    return [header, bytes, new Uint8Array(padded(bytes.length) - bytes.length)]
  })
  writeDocument(path, gzipSync(Buffer.concat([...blocks, tarEnd()])))
}

const README = `Support bundle of brine doctor: what was checked, settings, state and history, in JSON.
It has no private key, PIN, password or passphrase, no text of the configuration, and no reason, comment or argument of a command.
It has the names of CAs, groups and labels, and the path of the data directory: read it before you send it.
`

async function configProblems({ configPath }: CommandContext, dir: string): Promise<readonly ConfigProblem[]> {
  try {
    return (await checkConfig({ configPath: configPath ?? join(dir, 'brine.toml') })).problems
  } catch (error) {
    // a file that cannot be read is in the report
    if (error instanceof AppError) return []
    throw error
  }
}

async function history(session: Session): Promise<readonly object[]> {
  try {
    return historyForSupport((await listHistory(session, { rows: ROWS })).commands)
  } catch (error) {
    // a damaged history is in the report
    if (error instanceof AppError) return []
    throw error
  }
}

function folders(dir: string): readonly object[] {
  const all = [...folderSummaries(dir)]
  const named = all.filter(([name]) => name === '' || FOLDERS.includes(name))
  const others = all.length - named.length
  const rows = named.map(([name, { newest, ...sum }]) => ({ folder: name || '.', ...sum, newest: instantOf(newest) }))
  return [...rows.sort((a, b) => (a.folder < b.folder ? -1 : 1)), { otherFolders: others }]
}

/** Returns which of our variables are set. */
function variables(env: Environment): readonly string[] {
  const known = /^(?:BRINE|KRILL)_[A-Z_]+$|^(?:UV_THREADPOOL_SIZE|NODE_OPTIONS|NO_COLOR|TZ|LANG)$/
  return Object.keys(env)
    .filter((name) => known.test(name))
    .sort()
}

/** Shortest text that is replaced: a shorter one is part of ordinary words. */
const SHORTEST = 4

/** Returns the secrets that the configuration or the environment leads to: the first lines of the files, and the variables. */
function knownSecrets(session: Session | undefined, env: Environment): readonly string[] {
  const backends = (session?.enrolment.cas ?? []).map((ca): Readonly<Record<string, unknown>> => ({ ...ca }))
  const named = (...keys: readonly string[]) =>
    backends.flatMap((ca) => keys.flatMap((key) => (typeof ca[key] === 'string' ? [ca[key]] : [])))
  const files = [...named('pinFile', 'authPinFile', 'passwordFile'), env['BRINE_PASSPHRASE_FILE'] ?? '']
  const suspicious = Object.keys(env).filter((name) => /PIN$|PASS|SECRET|TOKEN|CREDENTIAL/i.test(name))
  const found = [
    ...files.map((file) => (file === '' ? '' : (textOf(file)?.split('\n')[0]?.trim() ?? ''))),
    ...[...named('pinEnv', 'authPinEnv', 'username'), ...suspicious].map((name) => env[name] ?? ''),
  ]
  return [...new Set(found.filter((secret) => secret.length >= SHORTEST))].sort((a, b) => b.length - a.length)
}

function replacing(secrets: readonly string[]): (key: string, value: unknown) => unknown {
  return (_, value) =>
    typeof value === 'string' ? secrets.reduce((text, secret) => text.replaceAll(secret, '[redacted]'), value) : value
}
