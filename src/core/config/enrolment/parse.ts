/**
 * Reads the enrolment sections.
 * Invariant: the documented examples load unchanged; every key that they leave out has a default.
 */

import {
  type BreakerSettings,
  DEFAULT_BREAKER,
  type GroupSettings,
  STRATEGIES,
  type Strategy,
} from '../../ha/settings.js'
import { BUILT_IN_PROFILES, type CertificateProfile, DIFFERENCES, EXTENDED_KEY_USAGES } from '../../pki/profile.js'
import { type PlacedFault, TableReader, tableName } from '../tables.js'
import { parsePkcs11Uri } from './pkcs11-uri.js'
import {
  AUTH_WAYS,
  type AuthWay,
  type CaConfig,
  type CfsslBackend,
  type DogtagBackend,
  type Enrolment,
  type EstBackend,
  type FileBackend,
  type LabelConfig,
  NO_ENROLMENT,
  type Pkcs11Backend,
  type Remote,
} from './schema.js'

const NAME = { pattern: /^[a-z0-9][a-z0-9_-]{0,63}$/, expected: 'a name of a-z, 0-9, - and _, up to 64' }
const PROFILE_NAME = {
  pattern: /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/,
  expected: 'a name of letters, digits, - and _, up to 64',
}
/** A URL as it is written into certificates. */
const LOCATION = { pattern: /^https?:\/\/[!-~]{1,1000}$/, expected: 'an http or https URL' }
const HTTPS = { pattern: /^https:\/\/[^\s/@]+(?:\/|$)/, expected: 'an https URL' }
const VARIABLE = { pattern: /^[A-Za-z_][A-Za-z0-9_]*$/, expected: 'the name of an environment variable' }
const DAY = 86400

/** Reads the tables; findings of single values are added to `faults`. */
export function readEnrolment(root: Readonly<Record<string, unknown>>, faults: PlacedFault[]): Enrolment {
  const all = new TableReader(root, [], faults)
  const ha = all.table('ha')
  const est = all.table('est')
  const strategy = ha.oneOf('strategy', STRATEGIES) ?? 'active-passive'
  const failback = ha.oneOf('failback', ['auto', 'manual']) ?? 'auto'
  const enrolment: Enrolment = {
    breaker: readBreaker(ha),
    attemptTimeout: ha.duration('attempt_timeout', 1, 3600) ?? NO_ENROLMENT.attemptTimeout,
    requestDeadline: ha.duration('request_deadline', 1, 3600) ?? NO_ENROLMENT.requestDeadline,
    cas: all.tables('ca').map(readCa),
    groups: ha.tables('group').map((table) => readGroup(table, strategy, failback)),
    profiles: withProfiles(est.tables('profile').map(readProfile)),
    labels: est.tables('label').map(readLabel),
    defaultLabel: est.text('default_label', PROFILE_NAME),
    disabled: NO_ENROLMENT.disabled,
  }
  ha.close()
  est.close()
  return enrolment
}

function readBreaker(ha: TableReader): BreakerSettings {
  return {
    checkInterval: ha.duration('check_interval', 1, DAY) ?? DEFAULT_BREAKER.checkInterval,
    checkTimeout: ha.duration('check_timeout', 1, 3600) ?? DEFAULT_BREAKER.checkTimeout,
    failureThreshold: ha.integer('failure_threshold', 1, 1000) ?? DEFAULT_BREAKER.failureThreshold,
    recoveryTimeout: ha.duration('recovery_timeout', 1, DAY) ?? DEFAULT_BREAKER.recoveryTimeout,
    recoveryTimeoutMax: ha.duration('recovery_timeout_max', 1, 30 * DAY) ?? DEFAULT_BREAKER.recoveryTimeoutMax,
    failureWindow: ha.duration('failure_window', 1, 30 * DAY) ?? DEFAULT_BREAKER.failureWindow,
  }
}

function readGroup(table: TableReader, strategy: Strategy, failback: GroupSettings['failback']): GroupSettings {
  const group: GroupSettings = {
    name: table.required('name', NAME),
    caIds: table.texts('ca_ids') ?? [],
    strategy: table.oneOf('strategy', STRATEGIES) ?? strategy,
    weights: table.weights('weights') ?? {},
    failback: table.oneOf('failback', ['auto', 'manual']) ?? failback,
  }
  table.close()
  return group
}

const BACKENDS = ['file', 'pkcs11', 'dogtag', 'cfssl', 'est'] as const

function readCa(table: TableReader): CaConfig {
  const id = table.required('id', NAME)
  const backend = table.oneOf('backend', BACKENDS)
  if (!table.has('backend'))
    table.wrong('backend', `[[ca]]: required key backend is missing; one of ${BACKENDS.join(', ')}`)
  const ca = { id, ...readBackend(table, backend ?? 'file', backend !== undefined) }
  table.close()
  return ca
}

function readBackend(table: TableReader, backend: (typeof BACKENDS)[number], known: boolean) {
  // for an unknown backend the tables of all backends are ignored, so that there is one finding and not two
  if (!known) for (const name of BACKENDS) table.table(name)
  const own = table.table(backend)
  const read = known ? BACKEND_READERS[backend](own) : BACKEND_READERS.file(new TableReader({}, own.place, []))
  if (known) own.close()
  return read
}

const BACKEND_READERS = {
  file: (own: TableReader): FileBackend => ({
    backend: 'file',
    caCert: own.requiredPath('ca_cert'),
    caKey: own.requiredPath('ca_key'),
    chain: own.path('chain'),
    ...readLocations(own),
  }),
  pkcs11: (own: TableReader): Pkcs11Backend => ({
    backend: 'pkcs11',
    caCert: own.requiredPath('ca_cert'),
    chain: own.path('chain'),
    ...readLocations(own),
    module: own.requiredPath('module'),
    uri: tokenUri(
      own,
      'uri',
      own.required('uri', {
        pattern: /^pkcs11:(?!.*pin-value)/,
        expected: 'a pkcs11: URI (RFC 7512) without a pin-value',
        secret: true,
      }),
    ),
    pinFile: own.path('pin_file'),
    pinEnv: own.text('pin_env', VARIABLE),
  }),
  dogtag: (own: TableReader): DogtagBackend => ({
    backend: 'dogtag',
    ...readRemote(own),
    autoApprove: own.flag('auto_approve') ?? false,
    probeProfile: own.text('probe_profile', PROFILE_NAME),
  }),
  cfssl: (own: TableReader): CfsslBackend => ({
    backend: 'cfssl',
    ...readRemote(own),
    probeProfile: own.text('probe_profile', PROFILE_NAME),
  }),
  est: (own: TableReader): EstBackend => ({
    backend: 'est',
    ...readRemote(own),
    label: own.text('label', PROFILE_NAME),
    username: own.text('username'),
    passwordFile: own.path('password_file'),
  }),
}

/** Checks that a `pkcs11:` URI names its token; any other value is ignored. */
function tokenUri(own: TableReader, key: string, text: string): string {
  if (!text.startsWith('pkcs11:')) return text
  const parsed = parsePkcs11Uri(text)
  const fault = 'fault' in parsed ? parsed.fault : parsed.uri.token === undefined ? 'the token is missing' : undefined
  if (fault !== undefined)
    own.wrong(key, `${key} of ${tableName(own.place)} is not a usable pkcs11: URI (RFC 7512): ${fault}`)
  return text
}

function readRemote(own: TableReader): Remote {
  const authKey = own.text('auth_key', { pattern: /^(?:\/|pkcs11:)/, expected: 'an absolute path or a pkcs11: URI' })
  return {
    url: own.required('url', HTTPS),
    caCert: own.requiredPath('ca_cert'),
    tlsCa: own.path('tls_ca'),
    authCert: own.path('auth_cert'),
    authKey: authKey === undefined ? undefined : tokenUri(own, 'auth_key', authKey),
    authModule: own.path('auth_module'),
    authPinFile: own.path('auth_pin_file'),
    authPinEnv: own.text('auth_pin_env', VARIABLE),
    profile: own.text('profile', PROFILE_NAME),
  }
}

function readLocations(own: TableReader): Pick<FileBackend, 'crlUrl' | 'crlPath' | 'issuerUrl'> {
  return {
    crlUrl: own.text('crl_url', LOCATION),
    crlPath: own.path('crl_path'),
    issuerUrl: own.text('issuer_url', LOCATION),
  }
}

/** Synonyms of other products. */
const OTHER_WORDS = { mtls: 'certificate', otp: 'password' } as const
const AUTH_WORDS = [...AUTH_WAYS, 'mtls', 'otp'] as const

function waysOf(words: readonly (typeof AUTH_WORDS)[number][]): readonly AuthWay[] {
  return [...new Set(words.map((word) => (word === 'mtls' || word === 'otp' ? OTHER_WORDS[word] : word)))]
}

function readLabel(table: TableReader): LabelConfig {
  const label: LabelConfig = {
    name: table.required('name', PROFILE_NAME),
    caId: table.required('ca_id', NAME),
    profile: table.text('profile', PROFILE_NAME) ?? 'default',
    group: table.text('group', NAME),
    auth: waysOf(table.oneOrMore('auth', AUTH_WORDS) ?? []),
    clientCa: table.path('client_ca'),
    clientCrl: table.path('client_crl'),
  }
  table.close()
  return label
}

function readProfile(table: TableReader): CertificateProfile {
  const name = table.required('name', PROFILE_NAME)
  const base = BUILT_IN_PROFILES.find((profile) => profile.name === name) ?? BUILT_IN_PROFILES[0]
  if (base === undefined) throw new TypeError('no built-in profile')
  const usages = Object.keys(EXTENDED_KEY_USAGES) as (keyof typeof EXTENDED_KEY_USAGES)[]
  const profile: CertificateProfile = {
    ...base,
    name,
    keyKinds: listOf(table, 'key_types', ['rsa', 'ec']) ?? base.keyKinds,
    rsaBits: table.integer('rsa_bits', 2048, 16384) ?? base.rsaBits,
    curves: listOf(table, 'curves', ['P-256', 'P-384', 'P-521']) ?? base.curves,
    extendedKeyUsages: listOf(table, 'extended_key_usage', usages) ?? base.extendedKeyUsages,
    validSeconds: table.duration('validity', 60, 40 * 366 * DAY) ?? base.validSeconds,
    requireSan: table.flag('require_san') ?? base.requireSan,
    wildcards: table.flag('wildcards') ?? base.wildcards,
    ipAddresses: table.flag('ip_addresses') ?? base.ipAddresses,
    domains: table.texts('domains') ?? base.domains,
    maxNames: table.integer('max_names', 1, 10_000) ?? base.maxNames,
    accepts: listOf(table, 'accept', DIFFERENCES, true) ?? base.accepts,
  }
  table.close()
  return profile
}

function listOf<const T extends string>(
  table: TableReader,
  key: string,
  values: readonly T[],
  mayBeEmpty = false,
): readonly T[] | undefined {
  const found = table.texts(key)
  if (found === undefined) return undefined
  const known = found.flatMap((item) => values.find((value) => value === item) ?? [])
  if (known.length === found.length && (mayBeEmpty || known.length > 0)) return known
  table.wrong(key, `${key} must be a list of ${values.join(', ')}, not ${JSON.stringify(found).slice(0, 80)}`)
  return undefined
}

function withProfiles(own: readonly CertificateProfile[]): readonly CertificateProfile[] {
  return [...BUILT_IN_PROFILES.filter(({ name }) => !own.some((profile) => profile.name === name)), ...own]
}
