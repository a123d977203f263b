/** Check of a request against the profile of a label. Pure; reports every violation. */
import type { Violation } from '../base/errors.js'
import type { CertificateRequest } from './csr.js'
import { type AlternativeNames, nameList } from './names.js'
import { type CertificateProfile, EXTENDED_KEY_USAGES } from './profile.js'

/** One label of a host name (RFC 5890 A-labels included); the first may be a wildcard. */
const DNS = /^(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/** Returns every violation; empty if a certificate may be issued for the request. */
export function checkRequest(request: CertificateRequest, profile: CertificateProfile): readonly Violation[] {
  return [...keyViolations(request, profile), ...usageViolations(request, profile), ...nameViolations(request, profile)]
}

function keyViolations({ key }: CertificateRequest, profile: CertificateProfile): readonly Violation[] {
  if (!profile.keyKinds.includes(key.kind))
    return [
      violation(
        'csr-key-kind',
        `key type ${key.kind} is not allowed; ${profile.name} allows ${profile.keyKinds.join(', ')}`,
      ),
    ]
  if (key.kind === 'rsa')
    return key.bits >= profile.rsaBits
      ? []
      : [
          violation(
            'csr-key-size',
            `RSA key of ${key.bits} bits is too small; ${profile.name} requires ${profile.rsaBits}`,
          ),
        ]
  if (profile.curves.includes(key.curve)) return []
  return [
    violation(
      'csr-curve',
      `EC key on ${key.curve === '' ? 'an unsupported curve' : key.curve} is not allowed; ${profile.name} allows ${profile.curves.join(', ')}`,
    ),
  ]
}

function usageViolations({ extendedKeyUsages }: CertificateRequest, profile: CertificateProfile): readonly Violation[] {
  const allowed = new Set<string>(profile.extendedKeyUsages.map((usage) => EXTENDED_KEY_USAGES[usage]))
  return extendedKeyUsages
    .filter((usage) => !allowed.has(usage))
    .map((usage) =>
      violation(
        'csr-usage',
        `extended key usage ${usage} is not allowed; ${profile.name} allows ${profile.extendedKeyUsages.join(', ')}`,
      ),
    )
}

function nameViolations({ names, subject }: CertificateRequest, profile: CertificateProfile): readonly Violation[] {
  const count = nameList(names).length
  const found: Violation[] = []
  if (count === 0 && profile.requireSan)
    found.push(violation('csr-no-names', `subjectAltName is missing; ${profile.name} requires one`))
  if (count === 0 && subject.isEmpty)
    found.push(violation('csr-no-subject', 'the request has neither a subject nor a subjectAltName'))
  return [...found, ...namesViolations(names, profile)]
}

/** Returns the violations of the names by themselves, of a request or of a certificate. */
export function namesViolations(names: AlternativeNames, profile: CertificateProfile): readonly Violation[] {
  const count = nameList(names).length
  const found: Violation[] = []
  if (count > profile.maxNames)
    return [violation('csr-names', `${count} names; ${profile.name} allows at most ${profile.maxNames}`)]
  for (const tag of names.other)
    found.push(violation('csr-name-kind', `names of this type are not supported (tag ${tag})`))
  for (const kind of ['email', 'uri'] as const)
    for (const name of names[kind])
      found.push(violation('csr-name-kind', `${kind} names are not supported: ${quote(name)}`))
  if (!profile.ipAddresses)
    for (const ip of names.ip)
      found.push(violation('csr-ip', `IP address ${ip} is not allowed; ${profile.name} allows none`))
  for (const name of names.dns) found.push(...dnsViolations(name, profile))
  return found
}

function dnsViolations(name: string, profile: CertificateProfile): readonly Violation[] {
  if (name.length > 253 || !DNS.test(name) || /^[\d.]+$/.test(name))
    return [violation('csr-dns', `invalid DNS name: ${quote(name)}`)]
  const found: Violation[] = []
  if (name.startsWith('*.') && !profile.wildcards)
    found.push(violation('csr-wildcard', `wildcard ${quote(name)} is not allowed; ${profile.name} allows none`))
  const bare = name.replace(/^\*\./, '')
  if (profile.domains.length > 0 && !profile.domains.some((domain) => bare === domain || bare.endsWith(`.${domain}`)))
    found.push(
      violation(
        'csr-domain',
        `${quote(name)} is outside of the domains of ${profile.name}: ${profile.domains.join(', ')}`,
      ),
    )
  return found
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 100))
}

function violation(code: string, message: string): Violation {
  return { code, message }
}
