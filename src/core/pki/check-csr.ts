/** What a label's profile says to a request. Pure: every fault at once. */
import type { Violation } from '../base/errors.js'
import type { CertificateRequest } from './csr.js'
import { nameList } from './names.js'
import { type CertificateProfile, EXTENDED_KEY_USAGES } from './profile.js'

/** One label of a host name (RFC 5890 A-labels included); the first may be a wildcard. */
const DNS = /^(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/** Every fault; empty when a certificate may be made of it. */
export function checkRequest(request: CertificateRequest, profile: CertificateProfile): readonly Violation[] {
  return [...keyFaults(request, profile), ...usageFaults(request, profile), ...nameFaults(request, profile)]
}

function keyFaults({ key }: CertificateRequest, profile: CertificateProfile): readonly Violation[] {
  if (!profile.keyKinds.includes(key.kind))
    return [
      fault('csr-key-kind', `a key of the kind ${key.kind}; ${profile.name} takes ${profile.keyKinds.join(', ')}`),
    ]
  if (key.kind === 'rsa')
    return key.bits >= profile.rsaBits
      ? []
      : [fault('csr-key-size', `an RSA key of ${key.bits} bits; ${profile.name} wants ${profile.rsaBits} at least`)]
  if (profile.curves.includes(key.curve)) return []
  return [
    fault(
      'csr-curve',
      `an EC key on ${key.curve === '' ? 'a curve that nobody takes' : key.curve}; ${profile.name} takes ${profile.curves.join(', ')}`,
    ),
  ]
}

function usageFaults({ extendedKeyUsages }: CertificateRequest, profile: CertificateProfile): readonly Violation[] {
  const allowed = new Set<string>(profile.extendedKeyUsages.map((usage) => EXTENDED_KEY_USAGES[usage]))
  return extendedKeyUsages
    .filter((usage) => !allowed.has(usage))
    .map((usage) =>
      fault(
        'csr-usage',
        `the extended key usage ${usage} is asked for; ${profile.name} allows ${profile.extendedKeyUsages.join(', ')}`,
      ),
    )
}

function nameFaults({ names, subject }: CertificateRequest, profile: CertificateProfile): readonly Violation[] {
  const count = nameList(names).length
  const found: Violation[] = []
  if (count === 0 && profile.requireSan)
    found.push(fault('csr-no-names', `no subjectAltName; ${profile.name} wants one`))
  if (count === 0 && subject.isEmpty)
    found.push(fault('csr-no-subject', 'neither a subject nor a subjectAltName: a certificate for nobody'))
  if (count > profile.maxNames)
    return [...found, fault('csr-names', `${count} names; ${profile.name} takes ${profile.maxNames} at most`)]
  for (const tag of names.other)
    found.push(fault('csr-name-kind', `a name of a kind that is not issued for (tag ${tag})`))
  for (const kind of ['email', 'uri'] as const)
    for (const name of names[kind])
      found.push(fault('csr-name-kind', `${kind} names are not issued for: ${quote(name)}`))
  if (!profile.ipAddresses)
    for (const ip of names.ip)
      found.push(fault('csr-ip', `the IP address ${ip} is asked for; ${profile.name} allows none`))
  for (const name of names.dns) found.push(...dnsFaults(name, profile))
  return found
}

function dnsFaults(name: string, profile: CertificateProfile): readonly Violation[] {
  if (name.length > 253 || !DNS.test(name) || /^[\d.]+$/.test(name))
    return [fault('csr-dns', `no DNS name: ${quote(name)}`)]
  const found: Violation[] = []
  if (name.startsWith('*.') && !profile.wildcards)
    found.push(fault('csr-wildcard', `the wildcard ${quote(name)}; ${profile.name} allows none`))
  const bare = name.replace(/^\*\./, '')
  if (profile.domains.length > 0 && !profile.domains.some((domain) => bare === domain || bare.endsWith(`.${domain}`)))
    found.push(
      fault(
        'csr-domain',
        `${quote(name)} lies in none of the domains of ${profile.name}: ${profile.domains.join(', ')}`,
      ),
    )
  return found
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 100))
}

function fault(code: string, message: string): Violation {
  return { code, message }
}
