/** Certificate profiles: what a label allows in a certificate (RFC 5280). The checks are in check-csr.ts and check-issued.ts. */

export type KeyKind = 'rsa' | 'ec'

export const EXTENDED_KEY_USAGES = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  emailProtection: '1.3.6.1.5.5.7.3.4',
  ipsecIke: '1.3.6.1.5.5.7.3.17',
} as const
export type ExtendedKeyUsage = keyof typeof EXTENDED_KEY_USAGES

/**
 * Differences between a request and the certificate that a CA made of it, which a profile may accept:
 * - `subject`: another subject;
 * - `cn-as-name`: the commonName of the request as an additional subject alternative name;
 * - `added-names`, `dropped-names`: more names than requested, or fewer;
 * - `usages`: other extended key usages than those of the profile, without those of `any-usage`;
 * - `any-usage`: every use, or use for signing code, times or OCSP responses;
 * - `longer-validity`: validity beyond that of the profile or of the CA.
 */
export const DIFFERENCES = [
  'subject',
  'cn-as-name',
  'added-names',
  'dropped-names',
  'usages',
  'any-usage',
  'longer-validity',
] as const
export type Difference = (typeof DIFFERENCES)[number]

export interface CertificateProfile {
  readonly name: string
  readonly keyKinds: readonly KeyKind[]
  /** Smallest RSA key in bits. */
  readonly rsaBits: number
  /** Allowed curves: `P-256`, `P-384`, `P-521`. */
  readonly curves: readonly string[]
  readonly extendedKeyUsages: readonly ExtendedKeyUsage[]
  /** Seconds from now to notAfter, which is never after that of the CA. */
  readonly validSeconds: number
  readonly requireSan: boolean
  readonly wildcards: boolean
  readonly ipAddresses: boolean
  /** Allowed DNS domains (`example.net` allows itself and all names below); empty allows all names. */
  readonly domains: readonly string[]
  /** Largest number of names in one certificate. */
  readonly maxNames: number
  /** Accepted differences of a certificate; shorter validity is always accepted. */
  readonly accepts: readonly Difference[]
}

const BASE: Omit<CertificateProfile, 'name'> = {
  keyKinds: ['rsa', 'ec'],
  rsaBits: 2048,
  curves: ['P-256', 'P-384', 'P-521'],
  extendedKeyUsages: ['clientAuth'],
  validSeconds: 365 * 86400,
  requireSan: false,
  wildcards: false,
  ipAddresses: false,
  domains: [],
  maxNames: 100,
  accepts: ['subject', 'cn-as-name', 'usages'],
}

/** Profiles that a configuration can name without a definition: `default` and those of the examples in the documentation. */
export const BUILT_IN_PROFILES: readonly CertificateProfile[] = [
  { ...BASE, name: 'default' },
  { ...BASE, name: 'deviceCert' },
  { ...BASE, name: 'iotDevice' },
  { ...BASE, name: 'vpnCert', extendedKeyUsages: ['clientAuth', 'ipsecIke'] },
  {
    ...BASE,
    name: 'serverCert',
    extendedKeyUsages: ['serverAuth'],
    requireSan: true,
    ipAddresses: true,
    validSeconds: 90 * 86400,
  },
]
