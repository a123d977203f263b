/**
 * `setup`: data directory, publication server and trust anchor with one command, and the files for web server, rsync daemon, cron and systemd.
 * For CAs under a registry that publish in its repository, the data directory and the files of cron and systemd alone.
 * Invariant: each step is done once, so that the same command completes a run that was interrupted; other URIs are refused.
 */
import { join, resolve } from 'node:path'
import { utf8 } from '../../base/bytes.js'
import type { CommandContext } from '../../base/context.js'
import { AppError, rejection, type Violation } from '../../base/errors.js'
import { shellWord } from '../../base/shell-word.js'
import { defaultConfig } from '../../config/load.js'
import { Work } from '../../eventsourcing/work.js'
import { baseViolations, skippedUris } from '../../pubd/uri.js'
import { readMarker } from '../../store/directory/data-dir.js'
import { withTreeLock } from '../../store/directory/tree-lock.js'
import { makeDir, syncDir } from '../../store/disk/fs.js'
import { replaceFile } from '../../store/disk/write-file.js'
import { createTa } from '../authority/trust-anchor.js'
import { isTa, pubdState, runPubd, TA_HANDLE, type TransactionContext, taState } from '../session/context.js'
import { openSession, type Session } from '../session/session.js'
import { transact } from '../transaction/transact.js'
import { contribText, type Program, partsOf, type Site } from './contrib.js'
import { createDirectory, treeLockRequest } from './init.js'

export interface SetupOptions {
  /** Undefined, with the one of RRDP, without a repository here. */
  readonly rsyncBase?: string | undefined
  readonly rrdpBase?: string | undefined
  /** URIs of the trust anchor certificate; beside the repository by default. */
  readonly anchorHttps?: string | undefined
  readonly anchorRsync?: string | undefined
}

export interface SetupFile {
  readonly name: string
  /** Where it was written; in a dry run, where it would be. */
  readonly path: string
  /** Where its program reads it. */
  readonly install: string
  readonly text: string
}

export interface SetupReport {
  readonly dataDir: string
  readonly changed: boolean
  readonly dryRun: boolean
  /** Null, with the one of RRDP, without a repository here. */
  readonly rsyncBase: string | null
  readonly rrdpBase: string | null
  readonly uris: readonly string[]
  /** Steps of this run: `data-directory`, `publication-server`, `trust-anchor`; empty if all was there. */
  readonly created: readonly string[]
  readonly files: readonly SetupFile[]
  /** Commands that remain, in their order. */
  readonly nextSteps: readonly string[]
  /** Purposes of these commands, in the same order. */
  readonly purposes: readonly string[]
  /** URIs that validators skip by default; absent without one. */
  readonly warnings?: readonly string[]
}

/** Files of contrib/, and the places where their programs read them. */
const FILES: readonly (readonly [name: string, install: string])[] = [
  ['nginx.conf', '/etc/nginx/conf.d/brine.conf'],
  ['apache.conf', '/etc/apache2/sites-available/brine.conf'],
  ['rsyncd.conf', '/etc/rsyncd.conf'],
  ['brine.cron', 'crontab'],
  ['brine-tick.service', '/etc/systemd/system/brine-tick.service'],
  ['brine-tick.timer', '/etc/systemd/system/brine-tick.timer'],
]
/** Folder of the files in the data directory. */
const FOLDER = 'setup'

/** Files of every directory. */
const TIMERS = FILES.slice(3)

type Uris = Required<{ readonly [K in keyof SetupOptions]: string }>

/** Sets up what is missing. Throws `setup-uri`, `pubserver-exists`, `setup-differs` (rejected), `init-not-empty`, `standby`, `locked`, `io`. */
export async function setup(context: CommandContext, options: SetupOptions, program: Program): Promise<SetupReport> {
  const uris = withDefaults(options)
  const faults = uris === undefined ? [] : violations(uris)
  if (faults.length > 0) throw rejection(faults)
  const warnings = skippedUris(uris === undefined ? [] : Object.values(uris))
  for (const warning of warnings) context.onNotice?.(warning)
  const done = await setUp(context, uris)
  const site = siteOf(context, done, uris)
  const files = (uris === undefined ? TIMERS : FILES).map(([name, install]) => ({
    name,
    path: join(site.dataDir, FOLDER, name),
    install,
    text: contribText(program, name, site),
  }))
  if (context.dryRun !== true) writeFiles(join(site.dataDir, FOLDER), files)
  return {
    dataDir: context.dataDir,
    changed: done.created.length > 0,
    dryRun: context.dryRun === true,
    rsyncBase: uris?.rsyncBase ?? null,
    rrdpBase: uris?.rrdpBase ?? null,
    uris: uris === undefined ? [] : anchorUrisOf(uris),
    created: done.created,
    files,
    ...stepsOf(site),
    ...(warnings.length === 0 ? {} : { warnings }),
  }
}

async function setUp(context: CommandContext, uris: Uris | undefined) {
  const { dataDir, dryRun, watch } = context
  const isThere = hasMarker(dataDir)
  if (dryRun === true && !isThere) {
    const created = ['data-directory', ...(uris === undefined ? [] : ['publication-server', 'trust-anchor'])]
    return { created, repoDir: resolve(dataDir, 'repo'), tickPeriod: defaultConfig().tickPeriod }
  }
  const made = await withTreeLock(dataDir, treeLockRequest(context), async () => {
    if (hasMarker(dataDir)) return false
    await createDirectory({ ...context, test: false })
    return true
  })
  if (made && watch !== undefined) watch.changed = 'yes'
  const session = await openSession(context)
  const missing = uris === undefined ? [] : await missingParts(session)
  if (uris !== undefined) await transact(session, (tx) => complete(tx, uris), { dryRun: dryRun === true })
  const { repoDir, config } = session
  return { created: [...(made ? ['data-directory'] : []), ...missing], repoDir, tickPeriod: config.tickPeriod }
}

function missingParts(session: Session): Promise<readonly string[]> {
  return session.store.read(async (reader) => {
    const work = new Work(reader)
    return [
      ...(pubdState(work).serial === 0 ? ['publication-server'] : []),
      ...(isTa(work, TA_HANDLE) ? [] : ['trust-anchor']),
    ]
  })
}

async function complete(tx: TransactionContext, uris: Uris): Promise<void> {
  const { rsyncBase, rrdpBase } = uris
  await runPubd(tx, { type: 'pubserver.init', rsyncBase, rrdpBase })
  const wanted = anchorUrisOf(uris)
  if (!isTa(tx.work, TA_HANDLE)) {
    await createTa(tx, wanted)
    return
  }
  const present = taState(tx.work, TA_HANDLE).place?.uris ?? []
  if (present.join(' ') === wanted.join(' ')) return
  throw new AppError('rejected', 'setup-differs', `the trust anchor has other URIs already: ${present.join(', ')}`, {
    hint: 'give them with --tal-https and --tal-rsync; they cannot be changed',
  })
}

function withDefaults({ rsyncBase, rrdpBase, anchorHttps, anchorRsync }: SetupOptions): Uris | undefined {
  if (rsyncBase === undefined || rrdpBase === undefined) return undefined
  const authority = (uri: string): string => uri.split('/')[2] ?? ''
  return {
    rsyncBase,
    rrdpBase,
    anchorHttps: anchorHttps ?? `https://${authority(rrdpBase)}/ta/ta.cer`,
    anchorRsync: anchorRsync ?? `rsync://${authority(rsyncBase)}/ta/ta.cer`,
  }
}

/** Returns what the files of contrib/ cannot serve, in addition to what no publication server can. */
function violations({ rsyncBase, rrdpBase, anchorHttps, anchorRsync }: Uris): readonly Violation[] {
  const found: Violation[] = [...baseViolations(rsyncBase, rrdpBase)]
  const wrong = (uri: string, why: string): void => {
    found.push({ code: 'setup-uri', message: `${uri} ${why}`, details: { uri } })
  }
  if (found.length > 0) return found
  const module = partsOf(rsyncBase).path
  if (!/^\/[^/]+\/$/.test(module))
    wrong(rsyncBase, 'is below a module: setup serves rsync://HOST/MODULE/, use pubserver init for others')
  if (rrdpBase.endsWith('//') || partsOf(rrdpBase).path === '/')
    wrong(rrdpBase, 'has no path: setup serves https://HOST/PATH/, so that the trust anchor can be beside it')
  if (!/^https:\/\/[^/]+\/(?:[\w.-]+\/)+ta\.cer$/.test(anchorHttps) || sameFolder(anchorHttps, rrdpBase))
    wrong(anchorHttps, 'is not https://HOST/PATH/ta.cer with a path other than that of RRDP')
  if (!/^rsync:\/\/[^/]+\/[\w.-]+\/ta\.cer$/.test(anchorRsync) || sameFolder(anchorRsync, rsyncBase))
    wrong(anchorRsync, 'is not rsync://HOST/MODULE/ta.cer with a module other than that of the repository')
  return found
}

function sameFolder(file: string, folder: string): boolean {
  return partsOf(file).path.replace(/[^/]*$/, '') === partsOf(folder).path
}

function anchorUrisOf({ anchorHttps, anchorRsync }: Uris): readonly string[] {
  return [anchorHttps, anchorRsync]
}

function siteOf({ dataDir, osUser }: CommandContext, done: Pick<Site, 'repoDir' | 'tickPeriod'>, uris?: Uris): Site {
  const { repoDir, tickPeriod } = done
  return { dataDir: resolve(dataDir), repoDir, tickPeriod, user: osUser, ...(uris === undefined ? {} : { uris }) }
}

function writeFiles(folder: string, files: readonly SetupFile[]): void {
  makeDir(folder, 0o755)
  for (const { path, text } of files) replaceFile(path, utf8(text), { mode: 0o644 })
  syncDir(folder)
}

function stepsOf({ dataDir, uris }: Site): Pick<SetupReport, 'nextSteps' | 'purposes'> {
  const file = (name: string): string => shellWord(join(dataDir, FOLDER, name))
  const brine = `brine --data-dir ${shellWord(dataDir)}`
  const cron = `{ crontab -l 2>/dev/null; cat ${file('brine.cron')}; } | crontab -`
  const steps: readonly (readonly [purpose: string, step: string])[] =
    uris === undefined
      ? [
          ['do what is due, every 5 minutes', cron],
          ['add a CA; it prints how to register it', `${brine} ca add NAME`],
        ]
      : [
          ['publish what is due, every 5 minutes', cron],
          [
            'serve RRDP and the trust anchor',
            `sudo install -m 0644 ${file('nginx.conf')} /etc/nginx/conf.d/brine.conf && sudo systemctl reload nginx`,
          ],
          [
            'serve rsync',
            `sudo install -m 0644 ${file('rsyncd.conf')} /etc/rsyncd.conf && sudo systemctl enable --now rsync`,
          ],
          ['get a certificate for the web server that validators trust', `${brine} tls renew --csr web.csr`],
          ['give the trust anchor locator to your validators', `${brine} ta tal --out ta.tal`],
          ['add a CA', `${brine} ca add NAME --under ${TA_HANDLE} --resources 192.0.2.0/24,AS64496`],
        ]
  return { nextSteps: steps.map(([, step]) => step), purposes: steps.map(([purpose]) => purpose) }
}

function hasMarker(dataDir: string): boolean {
  try {
    readMarker(dataDir)
    return true
  } catch (error) {
    if (error instanceof AppError && error.kind === 'no-data-dir') return false
    throw error
  }
}
