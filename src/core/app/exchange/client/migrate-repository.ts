/**
 * Use case of `brine repo migrate`: another repository for a CA, by a key roll of every class in the same commit (RFC 6489). The old repository keeps
 * what the old keys publish until their parents have revoked them; what is left is withdrawn, and its contact dropped.
 */
import { AppError, rewrap } from '../../../base/errors.js'
import type { Handle } from '../../../base/handle.js'
import { dueTimes } from '../../../ca/publishing.js'
import type { LocalRepository } from '../../../ca/state/contacts.js'
import { type CaState, currentKey } from '../../../ca/state/state.js'
import { type LeavingRow, leavingRow, type RepositoryRow, repositoryRow } from '../../authority/ca-reports.js'
import { localRepositoryOf } from '../../authority/cas.js'
import { activateDue, startRoll } from '../../authority/keyroll-steps.js'
import { syncResources } from '../../authority/resource-sync.js'
import { type RetiredKeyRow, type RollRow, retiredRows, rollRows } from '../../authority/roll-rows.js'
import type { ChangeRow } from '../../changes/change-row.js'
import { changeRows } from '../../changes/change-rows.js'
import { type Outcome, outcomeOf } from '../../changes/outcome.js'
import { caState, knownCa, runCa, type TransactionContext } from '../../session/context.js'
import type { Session } from '../../session/session.js'
import { transact } from '../../transaction/transact.js'
import { chooseId, contactIdOf, type IdChoice, type PeerPermissions } from './parent-contact.js'
import { type AnsweredRepository, readRepositoryResponse } from './repository-contact.js'

export interface MigrationReport extends Outcome {
  readonly ca: Handle
  readonly repository: RepositoryRow | null
  /** The old repository; null where nothing of the CA is in it any more. */
  readonly leaving: LeavingRow | null
  readonly rolls: readonly RollRow[]
  readonly retired: readonly RetiredKeyRow[]
  readonly changes: readonly ChangeRow[]
}

export interface Migration {
  /** `local`: the publication server of this data directory; `none`: the migration that is open goes on. */
  readonly to: 'local' | 'none' | { readonly response: Uint8Array; readonly permissions: PeerPermissions }
  /** Seconds from staging to the activation by `tick`; null: the operator activates. */
  readonly activateAfter: number | null
  /** True: nothing is sent to the old repository any more, and the new keys are activated as soon as the new one has them. */
  readonly abandonsOld: boolean
  /** True: the migration that is open is taken back before an activation. */
  readonly cancels?: boolean
}

/**
 * Migrates a CA to another repository, or abandons the old one of a migration that is open, or takes that back. Throws `setup-invalid`, `setup-kind`, `peer-uri-invalid`,
 * `repository-uri` (usage), `peer-private-address` (remote), `ca-unknown`, `id-none`, `repo-none`, `repository-same`, `repository-leaving`, `repository-leaving-none`, `repository-local`,
 * `repository-abandoned`, `repository-active`, `keyroll-open`, `pubserver-not-initialised` (rejected).
 */
export async function migrateRepository(
  session: Session,
  ca: Handle,
  { to, activateAfter, abandonsOld, cancels = false }: Migration,
  options: { readonly dryRun?: boolean } = {},
): Promise<MigrationReport & Partial<IdChoice>> {
  const answered = typeof to === 'string' ? undefined : await readRepositoryResponse(to.response, to.permissions)
  const useCase = async (tx: TransactionContext) => {
    const before = knownCa(tx.work, ca)
    let choice: IdChoice | undefined
    if (to === 'local') await moveTo(tx, before, await localRepositoryOf(tx, ca))
    else if (to !== 'none' && answered !== undefined) {
      choice = chooseId(before, 'repositories', undefined)
      await moveTo(tx, before, answered.with(contactIdOf(before, choice)))
    }
    if (cancels) await takeBack(tx, ca)
    if (abandonsOld) await runCa(tx, ca, { type: 'repository.abandon' })
    if (to !== 'none') await rollAll(tx, ca, abandonsOld ? 0 : activateAfter)
    if (abandonsOld) await activateDue(tx, ca)
    // an old repository that is abandoned may be left with it
    const changes = await changeRows(tx, session.timing, options)
    const state = caState(tx.work, ca)
    return { state, rolls: rollRows(tx, state), choice, changes }
  }
  const done = await transact(session, useCase, options).catch((error: unknown) => {
    throw withHint(error, ca, cancels)
  })
  const { state, rolls, choice, changes } = done.result
  const nextDue = dueTimes(state, session.timing)?.due ?? null
  return {
    ...{ ca, repository: repositoryRow(state.repository), leaving: leavingRow(state) },
    ...{ rolls, retired: retiredRows(state), ...choice, changes },
    ...outcomeOf(done, 'ca', ca, nextDue, options.dryRun),
  }
}

async function moveTo(
  tx: TransactionContext,
  { handle }: CaState,
  repository: LocalRepository | ReturnType<AnsweredRepository['with']>,
): Promise<void> {
  await runCa(tx, handle, { type: 'repository.migrate', repository })
}

/** Takes the migration back; parents in this directory revoke the new keys with it. */
async function takeBack(tx: TransactionContext, ca: Handle): Promise<void> {
  await runCa(tx, ca, { type: 'repository.return' })
  await syncResources(tx, ca)
}

/** Starts the roll of every class that has a certificate; a CA without one has nothing to take along. */
async function rollAll(tx: TransactionContext, ca: Handle, activateAfter: number | null): Promise<void> {
  const isCertified = Object.values(caState(tx.work, ca).classes).some((own) => currentKey(own) !== undefined)
  if (isCertified) await startRoll(tx, ca, { className: null, activateAfter, compromised: false })
}

function withHint(error: unknown, ca: Handle, cancels: boolean): unknown {
  if (!(error instanceof AppError) || error.hint !== undefined) return error
  const hint = cancels && error.code === 'repository-leaving-none' ? SHOWN : HINTS[error.code]
  return hint === undefined ? error : rewrap(error, { hint: hint(ca) })
}

const SHOWN = (ca: Handle): string => `brine repo show ${ca} says where it publishes`

const HINTS: Readonly<Record<string, (ca: Handle) => string>> = {
  'repo-none': (ca) => `brine repo configure ${ca} --response FILE`,
  'repository-same': (ca) => `brine repo configure ${ca} --response FILE changes the contact of the present repository`,
  'repository-leaving': (ca) =>
    `brine repo show ${ca} says what it waits for; --cancel takes it back, --abandon-old if the old one is gone for ever`,
  'repository-leaving-none': (ca) => `brine repo migrate ${ca} --response FILE --abandon-old --reason TEXT`,
  'repository-abandoned': (ca) => `brine repo show ${ca} says what the migration waits for`,
  'repository-active': (ca) => `once it has ended: brine repo migrate ${ca} to the former repository`,
  'keyroll-open': (ca) => `brine keyroll status ${ca}`,
}
