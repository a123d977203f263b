/** Warnings about the enrolment sections: missing or empty files, groups whose CAs share no root. Reads the disk. */
import { existsSync, readFileSync } from 'node:fs'
import type { GroupSettings } from '../../ha/settings.js'
import { certificatesOf, type PlainCertificate, readPlainCertificate } from '../../pki/certificate.js'
import { nameKey } from '../../pki/name-comparison.js'
import { crlsOf, readCrl } from '../../pki/read-crl.js'
import type { PlacedFault } from '../tables.js'
import type { CaConfig, Enrolment, LabelConfig } from './schema.js'

/** Keys of a backend table that are file names. */
const FILES: Readonly<Record<string, string>> = {
  caCert: 'ca_cert',
  caKey: 'ca_key',
  chain: 'chain',
  module: 'module',
  pinFile: 'pin_file',
  tlsCa: 'tls_ca',
  authCert: 'auth_cert',
  authKey: 'auth_key',
  authModule: 'auth_module',
  authPinFile: 'auth_pin_file',
  passwordFile: 'password_file',
}

/** Returns every warning with its place. Never throws. */
export function enrolmentWarnings(e: Enrolment): readonly PlacedFault[] {
  return [
    ...e.cas.flatMap(missingFiles),
    ...e.cas.flatMap(earlyCertificates),
    ...e.groups.flatMap(weightless),
    ...e.labels.flatMap(clientless),
    ...e.labels.flatMap(crlless),
    ...rootless(e),
  ]
}

/** Warns about a label without readable client CAs, which refuses every client certificate. */
function clientless({ name, clientCa }: LabelConfig, n: number): readonly PlacedFault[] {
  if (clientCa === undefined || readCertificates(clientCa).length > 0) return []
  const why = existsSync(clientCa) ? 'contains no readable certificate' : 'does not exist'
  const message = `${clientCa} ${why}: label ${name} refuses every client certificate until this is fixed`
  return [{ place: ['est', 'label', n, 'client_ca'], message }]
}

/** Warns about a label whose CRLs cannot be read or have expired, which refuses the client certificates of their CAs. */
function crlless({ name, clientCrl }: LabelConfig, n: number): readonly PlacedFault[] {
  if (clientCrl === undefined) return []
  const crls = readFile(clientCrl, crlsOf).map(readCrl)
  const now = new Date().toISOString()
  const expired = crls.filter((crl) => crl !== undefined && crl.nextUpdate <= now)
  const isUnreadable = crls.length === 0 || crls.includes(undefined)
  if (!isUnreadable && expired.length === 0) return []
  const why = !existsSync(clientCrl)
    ? 'does not exist'
    : isUnreadable
      ? 'contains no readable CRL'
      : `contains a CRL that expired at ${expired[0]?.nextUpdate}`
  const message = `${clientCrl} ${why}: label ${name} refuses client certificates until it is replaced`
  return [{ place: ['est', 'label', n, 'client_crl'], message }]
}

function missingFiles(ca: CaConfig, n: number): readonly PlacedFault[] {
  return Object.entries(ca).flatMap(([name, path]) => {
    const key = FILES[name]
    if (key === undefined || typeof path !== 'string' || !path.startsWith('/') || existsSync(path)) return []
    const message = `${path} does not exist: ${ca.id} serves nothing until it does, and is probed again after recovery_timeout`
    return [{ place: ['ca', n, ca.backend, key], message }]
  })
}

/** Keys of a backend table that hold certificates, and the consequence while the first one is not valid yet. */
const CERTIFICATES: Readonly<Record<string, string>> = {
  caCert: 'issues nothing until then',
  authCert: 'cannot be reached until then',
}

/** Warns about the certificate of a CA, or of its client, that is not valid yet; expiry.ts reports those that end. */
function earlyCertificates(ca: CaConfig, n: number): readonly PlacedFault[] {
  // without milliseconds, as the times of certificates are
  const now = new Date().toISOString().replace(/\.\d+/, '')
  return Object.entries(ca).flatMap(([name, path]) => {
    const consequence = CERTIFICATES[name]
    const [first] = consequence === undefined || typeof path !== 'string' ? [] : readCertificates(path)
    if (first === undefined || first.notBefore <= now) return []
    const message = `${path} is not valid before ${first.notBefore}: ${ca.id} ${consequence}`
    return [{ place: ['ca', n, ca.backend, FILES[name] ?? name], message }]
  })
}

/** Warns about a weighted group in which every CA has the weight 1, and about weights that its strategy ignores. */
function weightless({ name, strategy, weights }: GroupSettings, n: number): readonly PlacedFault[] {
  const isEmpty = Object.keys(weights).length === 0
  if (isEmpty !== (strategy === 'weighted')) return []
  const message = isEmpty
    ? `group "${name}" has the strategy weighted but no weights: every CA gets the same share`
    : `group "${name}" has weights, which its strategy ${strategy} does not use`
  return [{ place: ['ha', 'group', n, isEmpty ? 'strategy' : 'weights'], message }]
}

/** Warns about a group without a common root: its clients must trust every CA of the group. */
function rootless(e: Enrolment): readonly PlacedFault[] {
  return e.groups.flatMap((group, n) => {
    const roots = group.caIds.map((id) => rootOf(e.cas.find((ca) => ca.id === id)))
    const known = roots.filter((root) => root !== undefined)
    if (new Set(known).size <= 1) return []
    const message = `the CAs of group "${group.name}" do not share a root: clients must trust all of ${group.caIds.join(', ')}`
    return [{ place: ['ha', 'group', n, 'ca_ids'], message }]
  })
}

/** Returns the name of the root of a CA, from the top of the chain in its files; undefined if they cannot be read. */
function rootOf(ca: CaConfig | undefined): string | undefined {
  if (ca === undefined) return undefined
  const files = [ca.caCert, ...('chain' in ca && ca.chain !== undefined ? [ca.chain] : [])]
  const chain = files.flatMap(readCertificates)
  const top = chain.at(-1)
  return top === undefined ? undefined : nameKey(top.issuer.der)
}

function readCertificates(path: string): readonly PlainCertificate[] {
  return readFile(path, certificatesOf).flatMap((der) => readPlainCertificate(der) ?? [])
}

function readFile(path: string, parse: (file: Uint8Array) => readonly Uint8Array[]): readonly Uint8Array[] {
  try {
    return parse(readFileSync(path))
  } catch {
    return []
  }
}
