/**
 * Transactions on enrolment and high availability: the request together with the CA selection; the response together with the CA health
 * update. Invariant: as in failover/commit.ts, nothing here waits for a CA.
 */
import type { Handle } from '../../base/handle.js'
import { entry } from '../../base/record.js'
import type { Instant } from '../../base/time.js'
import type { Sha256 } from '../../crypto/ports.js'
import { EST_HANDLE, type EstCommand, est } from '../../est/aggregate.js'
import { bookAt, booksNear, inOrder } from '../../est/books.js'
import type { EstEvent } from '../../est/events.js'
import { COMPROMISE, surveyOf } from '../../est/issuers.js'
import type { EstState, IssuedCertificate } from '../../est/state.js'
import { Work } from '../../eventsourcing/work.js'
import { type HaContext, openHaContext, probedOf, transactWork } from '../failover/commit.js'
import { Counts } from '../failover/counters.js'
import { readSamples } from '../failover/samples.js'
import type { Session } from '../session/session.js'

/** An issued certificate, with the book that holds it. */
export interface Entry {
  readonly id: string
  readonly book: Handle
  readonly certificate: IssuedCertificate
}

/** The state of enrolment at one revision. */
export interface EstRevision {
  readonly at: Instant
  /** Requests, passwords and CRL numbers. */
  state(): EstState
  /** All certificates, those of the newest book first. */
  certificates(): Iterable<Entry>
  /** The entry of a certificate, given its hash and the time from which it is valid: reads few books if it was issued here. */
  issued(sha256: Sha256, notBefore: Instant): IssuedCertificate | undefined
  /** The certificate of the request `id`. */
  find(id: string): Entry | undefined
  /** The bytes of an object that the state names. */
  object: Work['object']
}

export interface EstContext extends EstRevision {
  readonly work: Work
  /** Counters for metrics, written once the transaction is durable. */
  readonly counts: Counts
  readonly ha: Omit<HaContext, 'samples'>
  /** Average latency of probes by CA. */
  readonly probed: ReturnType<typeof probedOf>
  run(command: EstCommand): Promise<readonly EstEvent[]>
  /** Records the revocation in the book of the certificate, and that its key is refused if that is the reason. */
  revoke(found: Entry, reason: string): Promise<void>
  /** Records a certificate (`der`) that is not handed out, under an id of its own. */
  recordRefused(id: string, certificate: Omit<IssuedCertificate, 'at' | 'revoked'>, der: Uint8Array): Promise<void>
  /**
   * Reads the book that `record` will write to, so that damage is found before a request goes to a CA, and records what older versions did
   * not. Throws `corrupt`.
   */
  ready(): Promise<void>
  /** Records a certificate (`der`) and ends its request. `chain` is that of its CA, DER, the CA's own first. */
  record(
    id: string,
    certificate: Omit<IssuedCertificate, 'at' | 'revoked'>,
    der: Uint8Array,
    chain: readonly Uint8Array[],
  ): Promise<void>
}

/** Runs `work` as one transaction. Throws the violations of a rule (`rejected`, recorded), `standby`, `locked`, `clock-behind`, `io`. */
export function transactEst<R>(session: Session, work: (tx: EstContext) => Promise<R>): Promise<R> {
  return transactWork(session, async (unit, at) => {
    const counts = new Counts()
    const result = await work(contextOf(session, unit, at, counts))
    return { result, after: () => counts.write(session.store.status) }
  })
}

function contextOf(session: Session, unit: Work, at: Instant, counts: Counts): EstContext {
  const view = revisionOf(unit, at)
  const ports = { clock: { now: () => at } }
  const book = (): Handle =>
    bookAt(unit.handles('est'), at, (name) => Object.keys(unit.state(est, name).certificates).length)
  const survey = async (): Promise<void> => {
    if (view.state().issuers !== undefined || inOrder(unit.handles('est')).length === 0) return
    const found = surveyOf([...view.certificates()].map(({ certificate }) => certificate))
    await unit.run(est, EST_HANDLE, { type: 'records.survey', ...found }, ports)
  }
  return {
    ...view,
    work: unit,
    counts,
    ha: openHaContext(session, unit, at, counts),
    probed: probedOf(readSamples(session.store.status)),
    run: (command) => unit.run(est, EST_HANDLE, command, ports),
    async ready() {
      book()
      await survey()
    },
    async recordRefused(id, certificate, der) {
      unit.put(der, at)
      counts.add('failed', certificate.label, certificate.ca, 'refused-certificate')
      await unit.run(est, book(), { type: 'certificate.record', id, certificate }, ports)
    },
    async revoke({ id, book: of, certificate: { key } }, reason) {
      await survey()
      await unit.run(est, of, { type: 'certificate.revoke', id, reason }, ports)
      if (reason === COMPROMISE) await unit.run(est, EST_HANDLE, { type: 'key.compromise', key }, ports)
    },
    async record(id, certificate, der, chain) {
      await survey()
      unit.put(der, at)
      const { ca, label, notAfter, by } = certificate
      counts.add('issued', label, ca)
      const issued = { ca, label, notAfter, chain: chain.map((one) => unit.put(one, at)) }
      await unit.run(est, EST_HANDLE, { type: 'request.serve', id, by, issued }, ports)
      await unit.run(est, book(), { type: 'certificate.record', id, certificate }, ports)
    },
  }
}

function revisionOf(work: Work, at: Instant): EstRevision {
  const books = (): readonly Handle[] => [...inOrder(work.handles('est'))].reverse()
  return {
    at,
    state: () => work.state(est, EST_HANDLE),
    *certificates() {
      for (const book of books())
        for (const [id, certificate] of Object.entries(work.state(est, book).certificates))
          yield { id, book, certificate }
    },
    issued(sha256, notBefore) {
      const entries = (book: Handle): readonly IssuedCertificate[] => Object.values(work.state(est, book).certificates)
      for (const book of booksNear(inOrder(work.handles('est')), notBefore, (one) => entries(one)[0]?.at)) {
        const found = entries(book).find((one) => one.sha256 === sha256)
        if (found !== undefined) return found
      }
      return undefined
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

/** Runs `read` on the current revision, without the write lock. */
export function readEst<R>(session: Session, read: (revision: EstRevision) => R): Promise<R> {
  return session.store.read(async (reader) => read(revisionOf(new Work(reader), session.clockFor(reader).now())))
}

/** Returns when a key (SHA-256 of its SubjectPublicKeyInfo) became known as compromised; undefined if it is not. */
export function compromisedAt(view: EstRevision, key: Sha256): Instant | undefined {
  const { issuers, compromised = {} } = view.state()
  if (issuers !== undefined) return entry(compromised, key)
  // a data directory in which no later version has enrolled yet
  const found = surveyOf([...view.certificates()].map(({ certificate }) => certificate)).compromised
  return entry(compromised, key) ?? found.find((one) => one.key === key)?.at
}
