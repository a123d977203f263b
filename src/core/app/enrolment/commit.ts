/**
 * Commands on enrolment and on high availability in one commit: a question and the choice of who is asked, an answer and what it says of the CA.
 * Invariant: as in ha-commit.ts, nothing waits for a CA in here.
 */
import type { Handle } from '../../base/handle.js'
import { entry } from '../../base/record.js'
import type { Instant } from '../../base/time.js'
import { EST_HANDLE, est } from '../../est/aggregate.js'
import { bookAt, inOrder } from '../../est/books.js'
import type { EstCommand } from '../../est/commands.js'
import type { EstEvent } from '../../est/events.js'
import type { EstState, IssuedCertificate } from '../../est/state.js'
import { Work } from '../../eventsourcing/work.js'
import { type HaContext, openHaContext, probedOf, transactWork } from '../failover/commit.js'
import { readSamples } from '../failover/samples.js'
import type { Session } from '../transaction/session.js'

/** A certificate and where it stands. */
export interface Entry {
  readonly id: string
  readonly book: Handle
  readonly certificate: IssuedCertificate
}

/** Enrolment as one cut of history has it. */
export interface EstRevision {
  readonly at: Instant
  /** Requests, passwords, numbers of CRLs. */
  state(): EstState
  /** The newest books first. */
  certificates(): Iterable<Entry>
  /** The certificate of a request. */
  find(id: string): Entry | undefined
  /** The bytes of what the state names. */
  object: Work['object']
}

export interface EstContext extends EstRevision {
  readonly work: Work
  readonly ha: Omit<HaContext, 'samples'>
  /** Averages of probes by CA. */
  readonly probed: ReturnType<typeof probedOf>
  run(command: EstCommand): Promise<readonly EstEvent[]>
  /** To a book. */
  revoke(found: Entry, reason: string): Promise<void>
  /** Reads what `record` will write to: damage is found before a CA is asked. Throws `corrupt`. */
  ready(): void
  /** Keeps a certificate, DER, and ends its request. */
  record(id: string, certificate: Omit<IssuedCertificate, 'at' | 'revoked'>, der: Uint8Array): Promise<void>
}

/** Runs commands as one commit. Throws what a rule rejected (recorded), `standby`, `locked`, `clock-behind`, `io`. */
export function transactEst<R>(session: Session, work: (tx: EstContext) => Promise<R>): Promise<R> {
  return transactWork(session, async (unit, at) => ({ result: await work(deskOf(session, unit, at)) }))
}

function deskOf(session: Session, unit: Work, at: Instant): EstContext {
  const view = viewOf(unit, at)
  const ports = { clock: { now: () => at } }
  const book = (): Handle =>
    bookAt(unit.handles('est'), at, (name) => Object.keys(unit.state(est, name).certificates).length)
  return {
    ...view,
    work: unit,
    ha: openHaContext(session, unit, at),
    probed: probedOf(readSamples(session.store.status)),
    run: (command) => unit.run(est, EST_HANDLE, command, ports),
    ready: () => void book(),
    async revoke({ id, book: of }, reason) {
      await unit.run(est, of, { type: 'certificate.revoke', id, reason }, ports)
    },
    async record(id, certificate, der) {
      unit.put(der, at)
      await unit.run(est, EST_HANDLE, { type: 'request.serve', id, by: certificate.by }, ports)
      await unit.run(est, book(), { type: 'certificate.record', id, certificate }, ports)
    },
  }
}

function viewOf(work: Work, at: Instant): EstRevision {
  const books = (): readonly Handle[] => [...inOrder(work.handles('est'))].reverse()
  return {
    at,
    state: () => work.state(est, EST_HANDLE),
    *certificates() {
      for (const book of books())
        for (const [id, certificate] of Object.entries(work.state(est, book).certificates))
          yield { id, book, certificate }
    },
    find(id) {
      for (const book of books()) {
        const certificate = entry(work.state(est, book).certificates, id)
        if (certificate !== undefined) return { id, book, certificate }
      }
      return undefined
    },
    object: (name) => work.object(name),
  }
}

/** What is known now, read without the lock. */
export function readEst<R>(session: Session, look: (view: EstRevision) => R): Promise<R> {
  return session.store.read(async (reader) => look(viewOf(new Work(reader), session.clockFor(reader).now())))
}
