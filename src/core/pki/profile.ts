/** What a label allows in a certificate (RFC 5280). Values only; the checks are in check-csr.ts and check-issued.ts. */

export type KeyKind = 'rsa' | 'ec'

export const EXTENDED_KEY_USAGES = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  emailProtection: '1.3.6.1.5.5.7.3.4',
  ipsecIke: '1.3.6.1.5.5.7.3.17',
} as const
export type ExtendedKeyUsage = keyof typeof EXTENDED_KEY_USAGES

export interface CertificateProfile {
  readonly name: string
  readonly keyKinds: readonly KeyKind[]
  /** Bits of an RSA key: at least. */
  readonly rsaBits: number
  /** Names of curves as RFC 5480 has them: `P-256`, `P-384`, `P-521`. */
  readonly curves: readonly string[]
  readonly extendedKeyUsages: readonly ExtendedKeyUsage[]
  /** Seconds from now to notAfter; the CA's own notAfter bounds it. */
  readonly validSeconds: number
  readonly requireSan: boolean
  readonly wildcards: boolean
  readonly ipAddresses: boolean
  /** Ends of the DNS names that may be asked for (`example.net` allows itself and what is below); empty: all names. */
  readonly domains: readonly string[]
  /** Most names in one certificate. */
  readonly maxNames: number
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
}

/** Profiles that a configuration may name without defining them: those of the documentation's examples, and `default`. */
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
