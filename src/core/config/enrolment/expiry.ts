/** Certificates of the configuration that will run out, and labels whose profile outlives their CA. Reads the disk. */
import { readFileSync } from 'node:fs'
import { formatDuration, type Instant, secondsBetween } from '../../base/time.js'
import { certificatesOf, type PlainCertificate, readPlainCertificate } from '../../pki/certificate.js'
import { type ExpiryLevel, expiryLevel, formatExpiry } from '../../pki/expiry.js'
import type { Place } from '../lines.js'
import type { CaConfig, Enrolment, LabelConfig } from './schema.js'

/** Purpose of a file with certificates; the names are those of the configuration, `https` is `ssl/cert.pem`. */
export type CertificateUse = 'ca_cert' | 'chain' | 'tls_ca' | 'auth_cert' | 'client_ca' | 'https'

/** A certificate that something works with only as long as it is valid. */
export interface WatchedCertificate {
  readonly use: CertificateUse
  /** Id of the CA, or name of the label; empty for `https`. */
  readonly owner: string
  readonly file: string
  readonly subject: string
  readonly notAfter: Instant
  readonly level: ExpiryLevel
  /** Sentence on its end. */
  readonly message: string
  /** Place of the file in the configuration; empty for `https`. */
  readonly place: Place
}

/** A label whose profile asks for longer validity than a CA of its group can give. */
export interface OutlivedCa {
  readonly label: string
  readonly ca: string
  readonly notAfter: Instant
  readonly message: string
  readonly place: Place
}

interface Source {
  readonly use: CertificateUse
  readonly owner: string
  readonly file: string | undefined
  readonly place: Place
}

/** Seconds that a certificate may begin after the present: clocks differ. */
const CLOCK_SKEW = 300

/** Files of which one valid certificate is enough: the others may have been replaced. */
const BUNDLES: ReadonlySet<CertificateUse> = new Set(['tls_ca', 'client_ca'])

/**
 * Returns the certificates in the files of the configuration and in `https`, those of one file once. A file that is missing or cannot be
 * read has none: that is reported elsewhere.
 */
export function watchedCertificates(e: Enrolment, now: Instant, https?: string): readonly WatchedCertificate[] {
  const sources: readonly Source[] = [
    { use: 'https', owner: '', file: https, place: [] },
    ...e.cas.flatMap(sourcesOfCa),
    ...e.labels.map((label, n) => sourceOfLabel(label, n)),
  ]
  return sources.flatMap((source) => watched(source, now))
}

/** Returns the labels whose certificates end with their CA and not after the time of their profile. */
export function outlivedCas(e: Enrolment, now: Instant): readonly OutlivedCa[] {
  return e.labels.flatMap((label, n) => {
    const valid = e.profiles.find(({ name }) => name === label.profile)?.validSeconds
    if (valid === undefined) return []
    const members = e.groups.find(({ name, caIds }) =>
      label.group === undefined ? caIds.includes(label.caId) : name === label.group,
    )?.caIds ?? [label.caId]
    return members.flatMap((ca): readonly OutlivedCa[] => {
      const [own] = readCertificates(e.cas.find(({ id }) => id === ca)?.caCert)
      // an expired certificate is a finding of its own
      if (own === undefined || own.notAfter <= now || secondsBetween(now, own.notAfter) >= valid) return []
      const message = `label ${label.name}: its profile ${label.profile} (${formatDuration(valid)}) outlives ${ca}, which ends at ${own.notAfter}: its certificates end then`
      return [{ label: label.name, ca, notAfter: own.notAfter, message, place: ['est', 'label', n, 'profile'] }]
    })
  })
}

function sourcesOfCa(ca: CaConfig, n: number): readonly Source[] {
  const source = (use: CertificateUse, file: string | undefined): Source => ({
    use,
    owner: ca.id,
    file,
    place: ['ca', n, ca.backend, use],
  })
  return [
    source('ca_cert', ca.caCert),
    source('chain', 'chain' in ca ? ca.chain : undefined),
    source('tls_ca', 'tlsCa' in ca ? ca.tlsCa : undefined),
    source('auth_cert', 'authCert' in ca ? ca.authCert : undefined),
  ]
}

function sourceOfLabel({ name, clientCa }: LabelConfig, n: number): Source {
  return { use: 'client_ca', owner: name, file: clientCa, place: ['est', 'label', n, 'client_ca'] }
}

function watched({ use, owner, file, place }: Source, now: Instant): readonly WatchedCertificate[] {
  if (file === undefined) return []
  const found = readCertificates(file)
  const isCovered = BUNDLES.has(use) && found.some((one) => expiryLevel(one, true, now) === 'ok')
  return found.map((certificate) => {
    const { subject, notAfter } = certificate
    // the HTTPS certificate may be from a clock that was ahead: every client refuses it then
    const isEarly = use === 'https' && secondsBetween(now, certificate.notBefore) > CLOCK_SKEW
    const level = isEarly ? 'critical' : expiryLevel(certificate, certificate.isCa, now)
    const of = owner === '' ? use : `${use} of ${owner}`
    return {
      ...{ use, owner, file, place, notAfter, subject: subject.text },
      level: isCovered && level === 'critical' ? 'warning' : level,
      message: `${of}: ${subject.text} ${formatExpiry(certificate, now)} (${file})`,
    }
  })
}

function readCertificates(path: string | undefined): readonly PlainCertificate[] {
  if (path === undefined) return []
  try {
    return certificatesOf(readFileSync(path)).flatMap((der) => readPlainCertificate(der) ?? [])
  } catch {
    return []
  }
}
