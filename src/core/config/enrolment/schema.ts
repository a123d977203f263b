/**
 * What the sections of `brine.toml` about enrolment say: `[ha]`, `[[ca]]`, `[[ha.group]]`, `[[est.profile]]`, `[[est.label]]`.
 * Values only; read-enrolment.ts makes them and is loaded only where a file has such sections.
 */
import { type BreakerSettings, DEFAULT_BREAKER, type GroupSettings } from '../../ha/settings.js'
import { BUILT_IN_PROFILES, type CertificateProfile } from '../../pki/profile.js'

export interface FileBackend {
  readonly backend: 'file'
  readonly caCert: string
  readonly caKey: string
  readonly chain: string | undefined
}

export interface Pkcs11Backend {
  readonly backend: 'pkcs11'
  readonly caCert: string
  readonly chain: string | undefined
  readonly module: string
  /** RFC 7512, without a PIN. */
  readonly uri: string
  readonly pinFile: string | undefined
  /** Name of an environment variable. */
  readonly pinEnv: string | undefined
}

/** How a remote CA is reached: TLS both ways. */
export interface Remote {
  readonly url: string
  /** The CA certificate that every answer must be signed by. */
  readonly caCert: string
  /** Roots of the server's TLS certificate; unset: `caCert`. */
  readonly tlsCa: string | undefined
  readonly authCert: string | undefined
  /** PEM file, or a `pkcs11:` URI. */
  readonly authKey: string | undefined
  /** Of a `pkcs11:` URI: the token's library, and where its PIN is. */
  readonly authModule?: string | undefined
  readonly authPinFile?: string | undefined
  readonly authPinEnv?: string | undefined
  /** The profile's name at that CA; unset: the name of the label's profile. */
  readonly profile: string | undefined
}

export interface DogtagBackend extends Remote {
  readonly backend: 'dogtag'
  /** An agent approves what is pending. */
  readonly autoApprove: boolean
  /** A probe that issues a certificate of this profile; unset: it logs in and asks the status. */
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

/** How clients of EST over CGI are told apart (RFC 7030 section 2.2): by a certificate of a CA, or by a password that works once. */
export const AUTH_WAYS = ['certificate', 'password'] as const
export type AuthWay = (typeof AUTH_WAYS)[number]

export interface LabelConfig {
  readonly name: string
  /** A CA, or the group that holds it, serves. */
  readonly caId: string
  readonly profile: string
  /** The group, where the CA stands in several. */
  readonly group: string | undefined
  /** Who may enrol over CGI; nobody where it is empty. */
  readonly auth: readonly AuthWay[]
  /** PEM file of the CAs whose clients may enrol; there exactly where `auth` has `certificate`. */
  readonly clientCa: string | undefined
}

export interface Enrolment {
  readonly breaker: BreakerSettings
  /** Seconds that one CA has for an answer. */
  readonly attemptTimeout: number
  /** Seconds for all CAs together. */
  readonly requestDeadline: number
  readonly cas: readonly CaConfig[]
  readonly groups: readonly GroupSettings[]
  readonly labels: readonly LabelConfig[]
  /** Those that are built in, and those of the file, which replace them by name. */
  readonly profiles: readonly CertificateProfile[]
}

export const NO_ENROLMENT: Enrolment = {
  breaker: DEFAULT_BREAKER,
  attemptTimeout: 30,
  requestDeadline: 90,
  cas: [],
  groups: [],
  labels: [],
  profiles: BUILT_IN_PROFILES,
}

/** Top-level names that belong to enrolment. */
export const ENROLMENT_TABLES: readonly string[] = ['ha', 'ca', 'est']
