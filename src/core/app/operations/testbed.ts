/** `testbed init`: creates a sandbox with publication server, trust anchor `ta` and a CA `testbed` with all resources. */
import type { CommandContext } from '../../base/context.js'
import { AppError, hintThen, rejection, rewrap } from '../../base/errors.js'
import { type Handle, parseHandle } from '../../base/handle.js'
import { dueTimes } from '../../ca/publishing.js'
import { loadConfig } from '../../config/load.js'
import { readConfigText } from '../../config/read.js'
import { baseViolations } from '../../pubd/uri.js'
import { ALL_RESOURCES } from '../../resources/resource-set.js'
import { readMarker } from '../../store/directory/data-dir.js'
import { withTreeLock } from '../../store/directory/tree-lock.js'
import { createCa, placeUnder } from '../authority/cas.js'
import { createTa } from '../authority/trust-anchor.js'
import { type Outcome, outcomeOf } from '../changes/outcome.js'
import { caState, runPubd, TA_HANDLE } from '../session/context.js'
import { openSession } from '../session/session.js'
import { transact } from '../transaction/transact.js'
import { createDirectory, treeLockRequest } from './init.js'

export interface TestbedReport extends Outcome {
  readonly dataDir: string
  readonly ta: Handle
  readonly ca: Handle
  readonly rsyncBase: string
  readonly rrdpBase: string
  readonly uris: readonly string[]
}

export interface TestbedOptions {
  readonly rsyncBase: string
  readonly rrdpBase: string
  readonly test: boolean
}

const TESTBED = parseHandle('testbed')
const HAS_CAS = 'testbed-has-cas'

/**
 * Creates the sandbox. Throws `testbed-has-cas` if the directory has CAs already. Arguments are checked before anything is created; a later
 * error says that the data directory exists.
 */
export async function initTestbed(options: CommandContext, wanted: TestbedOptions): Promise<TestbedReport> {
  const { dataDir, watch } = options
  const created = await withTreeLock(dataDir, treeLockRequest(options), () => createUnlessThere(options, wanted))
  if (!created) return fillTestbed(options, wanted)
  if (watch !== undefined) watch.changed = 'yes'
  try {
    return await fillTestbed(options, wanted)
  } catch (error) {
    const isEmpty = error instanceof AppError && error.changed === 'no' && error.code !== HAS_CAS
    throw isEmpty ? directoryWithoutCas(dataDir, wanted, error) : error
  }
}

/** Creates the data directory; false if there is one. */
async function createUnlessThere(options: CommandContext, wanted: TestbedOptions): Promise<boolean> {
  if (hasMarker(options.dataDir)) return false
  const { configPath } = options
  const faults = baseViolations(wanted.rsyncBase, wanted.rrdpBase)
  if (faults.length > 0) throw rejection(faults)
  if (configPath !== undefined) await loadConfig(readConfigText(configPath), configPath)
  await createDirectory({ ...options, test: wanted.test })
  return true
}

/** Returns the error for a directory that was created but is empty: running the same command again fills it. */
function directoryWithoutCas(dataDir: string, { rsyncBase, rrdpBase }: TestbedOptions, cause: AppError): AppError {
  const again = `brine --data-dir ${dataDir} testbed init --rsync ${rsyncBase} --rrdp ${rrdpBase}`
  return rewrap(cause, {
    message: `${cause.message}; data directory ${dataDir} was created, but has no CA yet`,
    hint: hintThen(cause, `then: ${again}`),
    changed: 'yes',
  })
}

async function fillTestbed(options: CommandContext, { rsyncBase, rrdpBase }: TestbedOptions): Promise<TestbedReport> {
  const session = await openSession(options)
  const uris = anchorUris(rsyncBase, rrdpBase)
  const done = await transact(session, async (tx) => {
    const [existing] = [...tx.work.handles('ca'), ...tx.work.handles('ta')]
    if (existing !== undefined) {
      throw new AppError(
        'rejected',
        HAS_CAS,
        `${options.dataDir} has CAs already (${existing}), and a testbed needs a separate directory`,
        {
          hint: 'brine testbed init --data-dir ANOTHER_DIR',
        },
      )
    }
    await runPubd(tx, { type: 'pubserver.init', rsyncBase, rrdpBase })
    await createTa(tx, uris)
    await createCa(tx, TESTBED)
    await placeUnder(tx, TESTBED, TA_HANDLE, ALL_RESOURCES)
    return caState(tx.work, TESTBED)
  })
  const due = dueTimes(done.result, session.timing)?.due ?? null
  return {
    dataDir: session.store.dir,
    ta: TA_HANDLE,
    ca: TESTBED,
    rsyncBase,
    rrdpBase,
    uris,
    ...outcomeOf(done, 'ca', TESTBED, due),
  }
}

/** Returns the URIs of the trust anchor certificate, beside the repository: `https://host/ta/ta.cer` and `rsync://host/ta/ta.cer`. */
export function anchorUris(rsyncBase: string, rrdpBase: string): readonly string[] {
  const host = (uri: string): string => uri.split('/')[2] ?? ''
  return [`https://${host(rrdpBase)}/ta/ta.cer`, `rsync://${host(rsyncBase)}/ta/ta.cer`]
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
