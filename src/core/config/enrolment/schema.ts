/**
 * Values of the enrolment sections of `brine.toml`: `[ha]`, `[[ca]]`, `[[ha.group]]`, `[[est.profile]]`, `[[est.label]]`.
 * parse.ts reads them and is loaded only if a file has such sections.
 */
import { type BreakerSettings, DEFAULT_BREAKER, type GroupSettings } from '../../ha/settings.js'
import { BUILT_IN_PROFILES, type CertificateProfile } from '../../pki/profile.js'

export interface FileBackend {
  readonly backend: 'file'
  readonly caCert: string
  readonly caKey: string
  readonly chain: string | undefined
  readonly crlUrl?: string | undefined
  /** File that `tick` keeps the CRL in. */
  readonly crlPath?: string | undefined
  readonly issuerUrl?: string | undefined
}

export interface Pkcs11Backend {
  readonly backend: 'pkcs11'
  readonly caCert: string
  readonly chain: string | undefined
  readonly crlUrl?: string | undefined
  readonly crlPath?: string | undefined
  readonly issuerUrl?: string | undefined
  readonly module: string
  /** RFC 7512, without a PIN. */
  readonly uri: string
  readonly pinFile: string | undefined
  /** Name of an environment variable. */
  readonly pinEnv: string | undefined
}

/** Connection to a remote CA by TLS with client authentication. */
export interface Remote {
  readonly url: string
  /** The CA certificate that must verify every issued certificate. */
  readonly caCert: string
  /** Roots of the server's TLS certificate; unset: `caCert`. */
  readonly tlsCa: string | undefined
  readonly authCert: string | undefined
  /** PEM file, or a `pkcs11:` URI. */
  readonly authKey: string | undefined
  /** For a `pkcs11:` URI: the library of the token, and the place of its PIN. */
  readonly authModule?: string | undefined
  readonly authPinFile?: string | undefined
  readonly authPinEnv?: string | undefined
  /** The profile's name at that CA; unset: the name of the label's profile. */
  readonly profile: string | undefined
}

export interface DogtagBackend extends Remote {
  readonly backend: 'dogtag'
  /** The agent approves pending requests. */
  readonly autoApprove: boolean
  /** A probe has a certificate of this profile issued; unset: it logs in and reads the status. */
  readonly probeProfile: string | undefined
}

export interface CfsslBackend extends Remote {
  readonly backend: 'cfssl'
  readonly probeProfile: string | undefined
}

export interface EstBackend extends Remote {
  readonly backend: 'est'
  readonly label: string | undefined
  readonly username: string | undefined
  readonly passwordFile: string | undefined
}

export type CaConfig = { readonly id: string } & (
  | FileBackend
  | Pkcs11Backend
  | DogtagBackend
  | CfsslBackend
  | EstBackend
)

/** Authentication of clients of EST over CGI (RFC 7030 section 2.2): a certificate of a CA, or a one-time password. */
export const AUTH_WAYS = ['certificate', 'password'] as const
export type AuthWay = (typeof AUTH_WAYS)[number]

export interface LabelConfig {
  readonly name: string
  /** The label is served by this CA or by its group. */
  readonly caId: string
  readonly profile: string
  /** The group, if the CA is in several. */
  readonly group: string | undefined
  /** Accepted authentication over CGI; empty: no client may enrol. */
  readonly auth: readonly AuthWay[]
  /** PEM file of the CAs whose clients may enrol; set if and only if `auth` has `certificate`. */
  readonly clientCa: string | undefined
  /** PEM or DER file of the CRLs that client certificates are checked against. */
  readonly clientCrl?: string | undefined
}

export interface Enrolment {
  readonly breaker: BreakerSettings
  /** Timeout of one CA in seconds. */
  readonly attemptTimeout: number
  /** Timeout of all CAs together in seconds. */
  readonly requestDeadline: number
  readonly cas: readonly CaConfig[]
  readonly groups: readonly GroupSettings[]
  readonly labels: readonly LabelConfig[]
  /** Label of requests without one in their path (RFC 7030 section 3.2.2); undefined: they are refused. */
  readonly defaultLabel: string | undefined
  /** The built-in profiles and those of the file, which replace built-in ones of the same name. */
  readonly profiles: readonly CertificateProfile[]
  /** Sections of the file that are not used since they have faults; they are in none of the lists above. */
  readonly disabled: DisabledSections
}

/** Reasons by name: the line and the fault. */
export interface DisabledSections {
  /** Reason why nothing is used, a fault in `[ha]`; null without one. */
  readonly all: string | null
  readonly cas: ReadonlyMap<string, string>
  readonly groups: ReadonlyMap<string, string>
  readonly labels: ReadonlyMap<string, string>
  /** Members that are not used, by group. */
  readonly members: ReadonlyMap<string, readonly string[]>
}

export const NOTHING_DISABLED: DisabledSections = {
  all: null,
  cas: new Map(),
  groups: new Map(),
  labels: new Map(),
  members: new Map(),
}

export const NO_ENROLMENT: Enrolment = {
  breaker: DEFAULT_BREAKER,
  attemptTimeout: 30,
  requestDeadline: 90,
  cas: [],
  groups: [],
  labels: [],
  defaultLabel: undefined,
  profiles: BUILT_IN_PROFILES,
  disabled: NOTHING_DISABLED,
}

/** Top-level names of the enrolment sections. */
export const ENROLMENT_TABLES: readonly string[] = ['ha', 'ca', 'est']
