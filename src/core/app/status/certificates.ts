/** Certificates that run out, as findings of `status`. A pure read of the files that the configuration names and of `ssl/`. */
import {
  type OutlivedCa,
  outlivedCas,
  type WatchedCertificate,
  watchedCertificates,
} from '../../config/enrolment/expiry.js'
import { tlsPaths, unusableTlsFiles } from '../../store/disk/tls-files.js'
import type { CrlStatus } from '../enrolment/crl-files.js'
import type { Session } from '../session/session.js'
import type { StatusFinding } from './finding.js'

export interface CertificateFacts {
  readonly watched: readonly WatchedCertificate[]
  readonly outlived: readonly OutlivedCa[]
  /** Files of the HTTPS pair in `ssl/` that hold no certificate or key; each with its problem. */
  readonly unusable: readonly string[]
}

/** Returns the certificates of the configuration and the one of HTTPS, and the labels that outlive their CA. */
export function certificateFacts({ store, enrolment, now }: Session): CertificateFacts {
  const at = now()
  return {
    watched: watchedCertificates(enrolment, at, tlsPaths(store.dir).cert),
    outlived: outlivedCas(enrolment, at),
    unusable: unusableTlsFiles(tlsPaths(store.dir)),
  }
}

/** Returns one finding for each CRL of enrolment that runs out or is missing. Pure. */
export function crlFindings(crls: readonly CrlStatus[]): readonly StatusFinding[] {
  return crls.flatMap(({ ca, path, nextUpdate, level, message }): readonly StatusFinding[] => {
    if (level === 'ok') return []
    const code = nextUpdate === null ? 'crl-missing' : 'crl-expiring'
    const hint = path === null ? `brine est crl ${ca} --der --out FILE --replace, or set crl_path` : 'brine tick'
    return [{ level, code, message, hint }]
  })
}

const HINTS: Readonly<Record<WatchedCertificate['use'], string>> = {
  ca_cert: 'renew or replace that CA, then brine config check',
  chain: 'renew or replace the CA above it, then brine config check',
  tls_ca: 'replace the file before the server gets a new certificate',
  auth_cert: 'have that CA issue a new one, then brine ha probe',
  client_ca: 'replace the file: clients of that CA cannot enrol afterwards',
  https: 'brine tls renew',
}

/** Returns one finding for each certificate that is due to be replaced, and for each label that outlives a CA. Pure. */
export function certificateFindings({ watched, outlived, unusable }: CertificateFacts): readonly StatusFinding[] {
  const expiring = watched.flatMap(({ level, use, message }): readonly StatusFinding[] =>
    level === 'ok' ? [] : [{ level, code: 'certificate-expiring', message, hint: HINTS[use] }],
  )
  const labels = outlived.map(
    ({ message }): StatusFinding => ({
      level: 'warning',
      code: 'label-outlives-ca',
      message,
      hint: 'renew that CA, or shorten the profile',
    }),
  )
  const tls = unusable.map(
    (message): StatusFinding => ({ level: 'warning', code: 'tls-damaged', message, hint: 'brine tls show' }),
  )
  return [...tls, ...expiring, ...labels]
}
