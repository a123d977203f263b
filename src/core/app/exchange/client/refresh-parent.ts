/**
 * Use case of `brine parent refresh`: what a parent lists is taken over, and what the CA needs of it is requested (RFC 6492).
 * Invariants: no message is sent under the lock; each answer is a commit of its own, so that a lost one leaves its request open; an error of the
 * transport and a refusal withdraw nothing.
 */
import { AppError } from '../../../base/errors.js'
import type { Handle } from '../../../base/handle.js'
import type { Instant } from '../../../base/time.js'
import type { RemoteParent } from '../../../ca/state/contacts.js'
import type { OpenRequest } from '../../../ca/state/requests.js'
import type { Doubt, ResourceClass } from '../../../ca/state/state.js'
import type { KeyId } from '../../../crypto/ports.js'
import { recordExchange } from '../../../peers/last-exchange.js'
import type { ResourceText } from '../../../resources/types.js'
import type { Impact } from '../../authority/impact.js'
import type { Session } from '../../session/session.js'
import { afterChange } from '../../transaction/errors.js'
import { openAt } from '../parent/open-at-parent.js'
import { type Exchange, type RefreshOptions, read, withKnown } from '../parent/parent-exchange.js'
import type { ParentFinding } from '../parent/parent-findings.js'
import { type AskedRequest, carryOut } from '../parent/send-request.js'
import { takeList } from '../parent/take-list.js'

export interface ListedRow {
  readonly class: string
  readonly parentClass: string
  /** Resources of the certificate of the current key; null before it has come. */
  readonly resources: ResourceText | null
  readonly notAfter: Instant | null
  readonly doubt: Doubt | null
  /** Keys that the parent lists and the CA does not know, with the time from which on they are revoked. */
  readonly unexpected: readonly { readonly ski: KeyId; readonly revokeAt: Instant }[]
}

export interface RefreshReport {
  readonly ca: Handle
  readonly parent: Handle
  readonly changed: boolean
  readonly requests: readonly AskedRequest[]
  readonly classes: readonly ListedRow[]
  /** Faults of what the parent sends, each once. */
  readonly findings: readonly ParentFinding[]
  /** ROAs and ASPAs that no certificate holds any more: withdrawn, and kept in the configuration. Also those of CAs below in this data directory. */
  readonly lost: readonly Impact[]
}

/** Refreshes a CA from one parent. Throws `ca-unknown`, `parent-unknown`, `parent-local`, `repository-missing` (rejected), `parent-refused`, and `remote` errors of a list. */
export async function refreshParent(
  session: Session,
  ca: Handle,
  parent: Handle,
  options: RefreshOptions,
): Promise<RefreshReport> {
  const exchange: Exchange = {
    ...{ session, ca, parent, ...options },
    ...{ changed: false, findings: new Map(), refused: new Map(), lost: new Map() },
  }
  const { state, contact } = await read(exchange)
  if (state.repository === null) throw repositoryMissing(ca)
  try {
    const requests = await exchangeAll(exchange)
    const { classes } = (await read(exchange)).state
    const rows = Object.values(classes).filter((own) => own.parent === parent)
    const [findings, lost] = [[...exchange.findings.values()], [...exchange.lost.values()]]
    const [finding] = findings
    if (finding !== undefined) recordFinding(exchange, contact, finding)
    return { ca, parent, changed: exchange.changed, requests, classes: rows.map(listedRow), findings, lost }
  } catch (error) {
    throw exchange.changed ? afterChange(error) : error
  }
}

/** Keeps a finding as the last exchange, which `status` and `parent show` read. */
function recordFinding({ session, ca, parent }: Exchange, { contact }: RemoteParent, finding: ParentFinding): void {
  const { options } = session
  const ended = { kind: 'parent', ca, peer: parent, uri: contact.serviceUri, at: session.now() } as const
  recordExchange(options.dataDir, { ...ended, outcome: 'failure', ...finding }, options.onNotice)
}

/**
 * Takes the list and sends what is open. Takes the list again after a revocation, which the parent confirms by it, and after the first certificate
 * of a class that has keys of others: they count from then on. The answer to any other request says what the list would.
 */
async function exchangeAll(exchange: Exchange): Promise<readonly AskedRequest[]> {
  const hasForeignKeys = await takeList(exchange)
  const requests: AskedRequest[] = []
  const open = await openNow(exchange)
  const again = [...exchange.refused.values()].filter(({ ski }) => !open.some((request) => request.ski === ski))
  for (const request of [...again, ...open]) {
    const asked = await carryOut(exchange, request)
    requests.push(asked)
    if (isDone(asked)) exchange.changed = true
    // the next one would wait for the same time-out
    if (asked.outcome === 'failed') break
  }
  const revoked = requests.filter(({ outcome }) => outcome === 'revoked').map(({ ski }) => ski)
  if (revoked.length > 0 || (hasForeignKeys && requests.some(isDone))) await takeList(exchange, revoked)
  return requests
}

const isDone = ({ outcome }: AskedRequest): boolean => outcome === 'issued' || outcome === 'revoked'

/** Returns what a class holds and what is in doubt. */
export function listedRow({ name, parentClass, keys, doubt, listed }: ResourceClass): ListedRow {
  const certificate = keys.find((key) => key.state === 'current')?.certificate ?? null
  const { resources = null, notAfter = null } = certificate ?? {}
  const unexpected = Object.entries(listed?.unexpected ?? {}).map(([ski, revokeAt]) => ({
    ski: ski as KeyId,
    revokeAt,
  }))
  return { class: name, parentClass, resources, notAfter, doubt: doubt ?? null, unexpected }
}

/** Returns the requests that are open now. */
function openNow(exchange: Exchange): Promise<readonly OpenRequest[]> {
  return withKnown(exchange, ({ state, work }) => openAt(state, exchange.parent, exchange.session.now(), work))
}

function repositoryMissing(ca: Handle): AppError {
  return new AppError('rejected', 'repository-missing', `${ca} has no repository, and a certificate must name one`, {
    hint: `brine repo request ${ca} --out publisher-request.xml, or brine repo configure ${ca} --local`,
  })
}
