/** Report of `status`, as a value: `--json` prints it, the views and the formats of monitoring are made from it. */

import type { DiskSpace, LockHolder, QuarantineCounts } from '../../audit/survey.js'
import type { Handle } from '../../base/handle.js'
import type { Instant } from '../../base/time.js'
import type { WatchedCertificate } from '../../config/enrolment/expiry.js'
import type { KeyId } from '../../crypto/ports.js'
import type { RetiredKeyRow, RollRow } from '../authority/roll-rows.js'
import type { LastBackup } from '../backup/last-backup.js'
import type { RestoredStatus } from '../backup/restore-gap.js'
import type { ServerStatus } from '../distribution/server-status.js'
import type { LastAudit } from '../proof/last-audit.js'
import type { GuardSight } from '../safety/guard-sight.js'
import type { HeldChange } from '../session/held-changes.js'
import type { GroupSummary } from './enrolment.js'
import type { StatusFinding } from './finding.js'
import type { PeerFacts, StatusParent, StatusRepository } from './peers.js'
import type { StatusChild, StatusPublisher } from './served-peers.js'
import type { BypassedNote, StatusCa, StatusPublication, StatusSnapshot, UnreadableAggregate } from './snapshot.js'
import type { Verdict } from './verdict.js'

export type ReportedCertificate = Omit<WatchedCertificate, 'message' | 'place'>

export interface StatusReport {
  readonly verdict: Verdict
  /** Findings that the verdict is based on, critical ones first. */
  readonly concerns: readonly StatusFinding[]
  readonly dataDir: string
  readonly role: 'primary' | 'standby'
  readonly standby: { readonly reason: string; readonly host: string | null } | null
  /** Origin of a restored directory that has not been promoted yet. */
  readonly restored: RestoredStatus | null
  readonly generation: number
  readonly now: Instant
  /** Time at which the first object goes stale if nothing runs. */
  readonly staleAt: Instant | null
  readonly nextDue: Instant | null
  /** By CA, the next date at which a ROA is added or removed; one that has passed waits for `tick`, or is held. */
  readonly scheduled: readonly { readonly ca: Handle; readonly at: Instant }[]
  /** `failed`: CAs that were not published; `failedPeers`: parents and repositories elsewhere whose exchange failed. */
  readonly lastTick: { readonly at: Instant; readonly failed: number; readonly failedPeers: number } | null
  /** Seconds between two runs of `tick`, from the configuration. */
  readonly tickPeriod: number
  /** The last backup that was made on this machine; null if there was none. */
  readonly lastBackup: LastBackup | null
  /** The last `audit verify` that completed; null if there was none. */
  readonly lastAudit: LastAudit | null
  /** Knowledge of the guard of routes about the addresses that have to stay reachable. */
  readonly guard: GuardSight
  readonly lastCommit: { readonly commit: number; readonly at: Instant | null }
  readonly cas: readonly StatusCa[]
  readonly broken: readonly UnreadableAggregate[]
  /** Damaged or missing files that were not needed: nothing is lost. */
  readonly bypassed: readonly BypassedNote[]
  readonly publication:
    | (StatusPublication & {
        /** True if the published tree shows the newest state. */
        readonly current: boolean
      })
    | null
  /** Groups of enrolment CAs. */
  readonly ha: readonly GroupSummary[]
  readonly unpublished: readonly Handle[]
  /** Changes that the limits or the guard of routes hold. */
  readonly held: readonly HeldChange[]
  /** Manifests and CRLs with a thisUpdate after the present, which validators refuse with everything that they list. */
  readonly future: StatusSnapshot['future']
  /** Certificates of the configuration and the HTTPS certificate, with how urgent it is to replace each. */
  readonly certificates: readonly ReportedCertificate[]
  /** The last probe of the repository servers; null if none is configured. */
  readonly servers: ServerStatus | null
  /** Parents elsewhere, with the last exchange with each. */
  readonly parents: readonly StatusParent[]
  /** Repositories elsewhere, with the last exchange with each. */
  readonly repositories: readonly StatusRepository[]
  /** Publishers elsewhere, with what each publishes here. */
  readonly publishers: readonly StatusPublisher[]
  /** Children elsewhere, with the last message of each. */
  readonly children: readonly StatusChild[]
  /** ID certificates of ours, as each peer holds them, and those of the peers. */
  readonly idCertificates: PeerFacts['idCertificates']
  readonly locks: readonly LockHolder[]
  readonly disk: DiskSpace
  readonly keyPool: { readonly keys: number; readonly target: number }
  /** Key rolls that are open. */
  readonly keyRolls: readonly RollRow[]
  /** Keys that no class uses any more, until tick destroys their private half. */
  readonly retiredKeys: readonly RetiredKeyRow[]
  /** Key files that no state references; empty while an aggregate cannot be read, since its keys are unknown. */
  readonly orphanKeys: readonly KeyId[]
  readonly aside: QuarantineCounts
}
