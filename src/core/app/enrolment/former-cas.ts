/**
 * CAs that left the group of a label while certificates of them are valid: the last step of a migration. Clients that meet such a
 * certificate still need the CA's own, which was recorded when it issued.
 */
import { AppError } from '../../base/errors.js'
import { entry } from '../../base/record.js'
import type { Instant } from '../../base/time.js'
import type { PlacedFault } from '../../config/tables.js'
import { surveyOf } from '../../est/issuers.js'
import type { Issuer } from '../../est/state.js'
import { readPlainCertificate } from '../../pki/certificate.js'
import type { OpenBackend } from '../failover/probe.js'
import type { Session } from '../session/session.js'
import { type CaChains, chainsOf } from './chains.js'
import { type EstRevision, readEst } from './commit.js'
import { type Label, labelOf } from './labels.js'

/** A CA that is not in the group of a label, with the certificates of that label that are valid. */
export interface FormerCa {
  readonly label: string
  readonly ca: string
  readonly certificates: number
  /** Expiry of the last of them. */
  readonly until: Instant
  /** False if its certificate is neither recorded nor configured: `cacerts` cannot contain it. */
  readonly isKnown: boolean
  /** False if it is in no [[ca]]: it is not informed of revocations. */
  readonly isConfigured: boolean
}

/** Lists the former CAs of every label, in the order of the configuration. Reads every book. */
export function formerCas(session: Session): Promise<readonly FormerCa[]> {
  const { labels, cas } = session.enrolment
  const members = new Map(labels.map(({ name }) => [name, labelOf(session, name).group.caIds]))
  return readEst(session, (view) => {
    const found = new Map<string, FormerCa>()
    for (const { label, ca, notAfter } of validCertificates(view)) {
      if (members.get(label)?.includes(ca) !== false) continue
      const before = found.get(`${label} ${ca}`)
      const until = before !== undefined && before.until > notAfter ? before.until : notAfter
      const isConfigured = cas.some(({ id }) => id === ca)
      const isKnown = isConfigured || issuersOf(view).some((one) => one.ca === ca && one.chain.length > 0)
      found.set(`${label} ${ca}`, {
        label,
        ca,
        certificates: (before?.certificates ?? 0) + 1,
        until,
        isKnown,
        isConfigured,
      })
    }
    const place = ({ label }: FormerCa): number => labels.findIndex(({ name }) => name === label)
    return [...found.values()].sort((a, b) => place(a) - place(b) || (a.ca < b.ca ? -1 : 1))
  })
}

/** Returns a warning for each former CA, with the place of its label in the configuration. */
export async function formerCaWarnings(session: Session): Promise<readonly PlacedFault[]> {
  return (await formerCas(session)).map(({ label, ca, certificates, until, isKnown, isConfigured }) => {
    const place = ['est', 'label', session.enrolment.labels.findIndex(({ name }) => name === label), 'ca_id']
    const many = certificates === 1 ? '1 certificate' : `${certificates} certificates`
    const cacerts = isKnown
      ? `cacerts keeps the certificate of ${ca} until then`
      : `cacerts lacks the certificate of ${ca}, which is not recorded: add its [[ca]] again, outside of every group`
    const revocations = isConfigured ? '' : `; ${ca} is in no [[ca]] and is not informed of revocations`
    const message = `label ${label}: ${many} of ${ca}, which left the group, can be renewed until ${until}; ${cacerts}${revocations}`
    return { place, message }
  })
}

/**
 * Returns the chains under which certificates of the label are valid, besides those of the configuration of its group: of CAs that left
 * it, and the former certificates of those that are in it.
 */
export async function formerChains(session: Session, label: Label, open: OpenBackend): Promise<CaChains> {
  const { config, group } = label
  const issuers = await readEst(session, (view) =>
    issuersOf(view)
      .filter(({ labels, ca }) => {
        const isCurrent = (entry(labels, config.name) ?? '') > view.at
        return isCurrent && (group.caIds.includes(ca) || hasValid(view, config.name, ca))
      })
      .map((issuer) => ({ ca: issuer.ca, ...recordedChain(view, issuer) })),
  )
  const recorded = issuers.filter(({ chain }) => chain.length > 0)
  const unknown = issuers.filter(({ ca }) => !group.caIds.includes(ca) && !recorded.some((one) => one.ca === ca))
  const configured = await chainsOf(session, [...new Set(unknown.map(({ ca }) => ca))], open)
  const damaged = issuers.flatMap(({ ca, why }) => (why === undefined ? [] : [{ ca, why }]))
  return { chains: [...recorded, ...configured.chains], missing: [...damaged, ...configured.missing] }
}

/** Returns the issuers that are recorded; those in the books where no later version has issued yet. */
function issuersOf(view: EstRevision): readonly Issuer[] {
  const { issuers } = view.state()
  if (issuers !== undefined) return issuers
  const { issuers: surveyed } = surveyOf([...view.certificates()].map(({ certificate }) => certificate))
  return surveyed.map(({ ca, chain, label, notAfter }) => ({ ca, chain, labels: { [label]: notAfter } }))
}

function* validCertificates(view: EstRevision) {
  for (const { certificate } of view.certificates())
    if (certificate.revoked === null && certificate.refused === undefined && certificate.notAfter > view.at)
      yield certificate
}

function hasValid(view: EstRevision, label: string, ca: string): boolean {
  for (const certificate of validCertificates(view))
    if (certificate.label === label && certificate.ca === ca) return true
  return false
}

/** Returns the certificates of a recorded chain that are valid, and why one of them cannot be read. */
function recordedChain(
  view: EstRevision,
  { chain }: Issuer,
): { readonly chain: readonly Uint8Array[]; readonly why: string | undefined } {
  try {
    const valid = chain.map((sha256) => view.object(sha256)).filter((der) => isValid(der, view.at))
    return { chain: valid, why: undefined }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return { chain: [], why: error.message }
  }
}

function isValid(der: Uint8Array, at: Instant): boolean {
  return (readPlainCertificate(der)?.notAfter ?? '') > at
}
