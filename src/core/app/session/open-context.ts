/** Opens the context of a transaction: a unit of work over one revision of the store, with the ports of this session. */
import { clockBehind, type Instant, secondsBetween } from '../../base/time.js'
import type { Signer } from '../../crypto/ports.js'
import { systemRandom } from '../../crypto/random.js'
import type { Reader } from '../../eventsourcing/store.js'
import type { ObjectSink } from '../../eventsourcing/types.js'
import { Work } from '../../eventsourcing/work.js'
import type { IssuingPorts } from '../../issuing/ports.js'
import type { ObjectStaging } from '../../store/commit/object-staging.js'
import { fixedClock, pubdState, type TransactionContext } from './context.js'
import type { Session } from './session.js'

export interface ContextOptions {
  readonly signer: Signer
  /** The signatures are dummies, so objects are not checked before they are published. Nothing of a dry run may be committed. */
  readonly isDryRun: boolean
  /** Staging area that objects are written to before the commit has the lock. */
  readonly staging?: ObjectStaging
}

/**
 * Opens a context over `reader`. Unless this is a dry run, each object is decoded strictly and its signatures are verified before it is kept.
 * Throws `clock-behind` if the newest commit is later than the clock.
 */
export function openContext(session: Session, reader: Reader, options: ContextOptions): TransactionContext {
  const now = session.clockFor(reader).now()
  if (reader.at !== undefined && now < reader.at && session.resetsClock !== true) throw clockBehind(now, reader.at)
  const work = new Work(reader)
  const { config, timing } = session
  const { signer, isDryRun, staging } = options
  return {
    work,
    ports: {
      clock: fixedClock(now),
      random: systemRandom,
      signer,
      objects: staging === undefined ? work : stagingSink(work, staging),
      timing,
      review: isDryRun ? async () => [] : review,
      retention: {
        minNr: config.rrdpDeltaFilesMinNr,
        minSeconds: config.rrdpDeltaFilesMinSeconds,
        maxNr: config.rrdpDeltaFilesMaxNr,
        maxSeconds: config.rrdpDeltaFilesMaxSeconds,
      },
      holdsPublication: config.rrdpInterval > 0 && isRecent(reader, now, config.rrdpInterval),
    },
  }
}

/** Returns true if the newest RRDP delta of this revision is younger than `seconds`. A new server has none. */
function isRecent(reader: Reader, now: Instant, seconds: number): boolean {
  const { serial, updatedAt } = pubdState(new Work(reader))
  return serial > 1 && updatedAt !== '' && secondsBetween(updatedAt, now) < seconds
}

/** Loads the decoders with the first object: a command that issues nothing does not pay for them. */
const review: IssuingPorts['review'] = async (name, bytes, spki) => {
  const { checkBeforePublish } = await import('../../rpki/check-before-publish.js')
  return checkBeforePublish(name, bytes, { spki })
}

function stagingSink(work: Work, staging: ObjectStaging): ObjectSink {
  return {
    put(bytes, dated) {
      const sha256 = work.put(bytes, dated)
      staging.put(sha256, bytes, dated)
      return sha256
    },
  }
}
