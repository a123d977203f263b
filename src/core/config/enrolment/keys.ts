/**
 * Documents every key of the enrolment sections of `brine.toml`, for the template that `init` writes and for brine.toml(5).
 * Invariant: parse.ts reads exactly these keys; test/unit/config/enrolment/keys.test.ts compares both.
 */

export interface EnrolmentKey {
  readonly name: string
  /** One line: what it does, and the unit unless the name says it. */
  readonly about: string
  /** The value in the template, as TOML. */
  readonly example: string
  /** The default as TOML; 'required' or 'unset' if there is none. */
  readonly fallback: string
  /** Further paragraphs of the manual. */
  readonly details?: readonly string[]
}

export interface EnrolmentSection {
  /** Header of the table as TOML: `[ha]`, `[[ca]]`. */
  readonly header: string
  readonly about: string
  readonly keys: readonly EnrolmentKey[]
}

function key(name: string, example: string, fallback: string, about: string): EnrolmentKey {
  return { name, about, example, fallback }
}

const optional = (name: string, example: string, about: string): EnrolmentKey => key(name, example, 'unset', about)
const required = (name: string, example: string, about: string): EnrolmentKey => key(name, example, 'required', about)
/** A key whose template value is its default. */
const preset = (name: string, value: string, about: string): EnrolmentKey => key(name, value, value, about)

/** Keys of every backend that is reached over TLS. */
const REMOTE: readonly EnrolmentKey[] = [
  required('url', '"https://ca.example.net:8443"', 'base URL of the CA'),
  required('ca_cert', '"/etc/brine/ca.pem"', 'certificate of the CA: issued certificates must be signed by it'),
  optional('tls_ca', '"/etc/brine/tls-roots.pem"', 'roots of the TLS certificate of the server; default: ca_cert'),
  optional('auth_cert', '"/etc/brine/agent.pem"', 'client certificate for TLS'),
  optional('auth_key', '"/etc/brine/agent.key"', 'its key: a PEM file of mode 0600, or a pkcs11: URI (RFC 7512)'),
  optional('auth_module', '"/usr/lib/softhsm/libsofthsm2.so"', 'library of the token, if auth_key is a pkcs11: URI'),
  optional('auth_pin_file', '"/etc/brine/pin"', 'file of mode 0600 with the PIN of that token'),
  optional('auth_pin_env', '"AGENT_PIN"', 'environment variable with the PIN, in place of auth_pin_file'),
  optional('profile', '"caServerCert"', "name of the profile at this CA; default: the name of the label's profile"),
]

/** Locations of the CRL and the certificate of a CA whose key signs here (RFC 5280 sections 4.2.1.13 and 4.2.2.1). */
const LOCATIONS: readonly EnrolmentKey[] = [
  optional(
    'crl_url',
    '"http://pki.example.net/one.crl"',
    'URL of its CRL (brine est crl), written into each certificate',
  ),
  {
    ...optional('crl_path', '"/var/www/crl/one.crl"', 'file that tick keeps its CRL in, for the web server of crl_url'),
    details: [
      'DER, or PEM if the name ends in .pem. tick signs a new CRL when less than a third of the life of the old one is left, when a certificate of the CA was revoked that it does not list, and when the file is missing; it lives as long as the one before, a week at first. The file is replaced at once and has mode 0644. A file that is no CRL is not replaced.',
    ],
  },
  optional(
    'issuer_url',
    '"http://pki.example.net/one.cer"',
    'URL of its certificate, DER, written into each certificate (AIA)',
  ),
]

const PROBE: EnrolmentKey = {
  ...optional(
    'probe_profile',
    '"probe"',
    'profile of which each probe issues a certificate; default: a probe logs in and asks for the status',
  ),
  details: [
    'It should be short-lived: the certificates of probes are not recorded, and their keys are discarded. A profile of Dogtag must accept RSA keys and approve at once, or with auto_approve.',
  ],
}

const ACCEPTED: readonly string[] = [
  'subject: another subject than requested. cn-as-name: the commonName of the request as an additional name. added-names, dropped-names: more names than requested, or fewer. usages: other extended key usages than those of the profile. any-usage: no extended key usage, or one to sign code, times or OCSP responses. longer-validity: beyond validity, or beyond the CA.',
  'Shorter validity and extensions that are not named here are always accepted. The names of a certificate must keep the rules of the profile in any case.',
  'A certificate with another difference is recorded, revoked at the CA, and refused for that request only; no circuit opens.',
]

export const ENROLMENT_SECTIONS: readonly EnrolmentSection[] = [
  {
    header: '[ha]',
    about: 'Health checks, circuit breaker and defaults of all groups.',
    keys: [
      preset('strategy', '"active-passive"', 'active-passive, round-robin, weighted or latency-based'),
      preset(
        'failback',
        '"auto"',
        'active-passive: auto returns to a preferred CA once it works, manual waits for drain',
      ),
      preset('check_interval', '"10s"', 'how often each CA is probed'),
      preset('check_timeout', '"5s"', 'how long a probe may take; less than check_interval'),
      preset('failure_threshold', '3', 'number of consecutive failures that open the circuit'),
      preset(
        'recovery_timeout',
        '"60s"',
        'how long an open circuit rests the first time; doubles with each failed probe',
      ),
      preset('recovery_timeout_max', '"15m"', 'upper bound of recovery_timeout'),
      preset('failure_window', '"15m"', 'failures further apart than this are not consecutive'),
      preset('attempt_timeout', '"30s"', 'how long one CA may take for one enrolment'),
      preset('request_deadline', '"90s"', 'how long all CAs together may take for one enrolment'),
    ],
  },
  {
    header: '[[ca]]',
    about: 'A CA that issues enrolment certificates. Repeat the section for each CA.',
    keys: [
      required('id', '"one"', 'name of the CA: a-z, 0-9, - and _'),
      required('backend', '"file"', 'file, pkcs11, dogtag, cfssl or est; the table of that name below configures it'),
    ],
  },
  {
    header: '[ca.file]',
    about: 'backend = "file": certificate and key in PEM files.',
    keys: [
      required('ca_cert', '"/etc/brine/one.pem"', 'certificate of the CA'),
      required('ca_key', '"/etc/brine/one.key"', 'its private key, mode 0600'),
      optional('chain', '"/etc/brine/above.pem"', 'certificates above the CA, for cacerts'),
      ...LOCATIONS,
    ],
  },
  {
    header: '[ca.pkcs11]',
    about: 'backend = "pkcs11": the key is in a token.',
    keys: [
      required('ca_cert', '"/etc/brine/hsm-ca.pem"', 'certificate of the CA'),
      optional('chain', '"/etc/brine/above.pem"', 'certificates above the CA, for cacerts'),
      ...LOCATIONS,
      required('module', '"/usr/lib/softhsm/libsofthsm2.so"', 'library of the token'),
      required('uri', '"pkcs11:token=HSM;object=ca-key"', 'token and key (RFC 7512), without a PIN'),
      optional('pin_file', '"/etc/brine/pin"', 'file of mode 0600 with the PIN'),
      optional('pin_env', '"HSM_PIN"', 'environment variable with the PIN, in place of pin_file'),
    ],
  },
  {
    header: '[ca.dogtag]',
    about: 'backend = "dogtag": the REST API of Dogtag.',
    keys: [
      ...REMOTE,
      {
        ...preset('auto_approve', 'false', 'true: the agent of auth_cert approves requests that are pending'),
        details: [
          'The user of auth_cert needs the role Certificate Manager Agents, which a probe checks. With false a pending request waits until an agent approves it at the CA (exit code 17). An approval that the CA refuses leaves the request pending.',
        ],
      },
      PROBE,
    ],
  },
  { header: '[ca.cfssl]', about: 'backend = "cfssl": the API of CFSSL.', keys: [...REMOTE, PROBE] },
  {
    header: '[ca.est]',
    about: 'backend = "est": an EST server (RFC 7030).',
    keys: [
      ...REMOTE,
      optional('label', '"device"', 'label in the path of that server'),
      optional('username', '"brine"', 'user name for HTTP Basic authentication'),
      optional('password_file', '"/etc/brine/password"', 'file of mode 0600 with the password'),
    ],
  },
  {
    header: '[[ha.group]]',
    about: 'CAs that can replace each other. Repeat the section for each group.',
    keys: [
      required('name', '"production"', 'name of the group'),
      required('ca_ids', '["one", "two"]', 'its CAs, in the order of preference'),
      key('strategy', '"round-robin"', 'that of [ha]', 'how a CA is selected'),
      optional(
        'weights',
        '{ one = 3, two = 1 }',
        'share of each CA with the strategy weighted; a CA without weight has 1',
      ),
      key('failback', '"auto"', 'that of [ha]', 'auto or manual'),
    ],
  },
  {
    header: '[est]',
    about: 'Enrolment over EST.',
    keys: [
      optional(
        'default_label',
        '"device"',
        'label of paths without one: /.well-known/est/simpleenroll; unset: not found',
      ),
    ],
  },
  {
    header: '[[est.profile]]',
    about:
      'What a request and its certificate may contain. default, deviceCert, iotDevice, vpnCert and serverCert are built in.',
    keys: [
      required('name', '"deviceCert"', 'name of the profile; the name of a built-in profile changes that profile'),
      preset('key_types', '["rsa", "ec"]', 'key types that requests may have'),
      preset('rsa_bits', '2048', 'minimum length of an RSA key'),
      preset('curves', '["P-256", "P-384", "P-521"]', 'curves that EC keys may have'),
      preset('extended_key_usage', '["clientAuth"]', 'serverAuth, clientAuth, codeSigning, emailProtection, ipsecIke'),
      preset('validity', '"365d"', 'validity of certificates; never longer than that of the CA'),
      preset('require_san', 'false', 'true: a request without a subject alternative name is refused'),
      preset('wildcards', 'false', 'true: DNS names may begin with *.'),
      preset('ip_addresses', 'false', 'true: IP addresses are allowed as subject alternative names'),
      preset('domains', '[]', 'domains that DNS names must be in; empty: all'),
      preset('max_names', '100', 'maximum number of names in a certificate'),
      {
        ...preset(
          'accept',
          '["subject", "cn-as-name", "usages"]',
          'what the policy of a CA may change in a certificate',
        ),
        details: ACCEPTED,
      },
    ],
  },
  {
    header: '[[est.label]]',
    about: 'A label that clients enrol with. Repeat the section for each label.',
    keys: [
      required('name', '"device"', 'the label, as in the EST path'),
      required('ca_id', '"one"', 'a CA of [[ca]]; if it is in a group, any CA of the group serves the label'),
      preset('profile', '"default"', 'a profile, built in or of [[est.profile]]'),
      optional('group', '"production"', 'the group, if the CA is in several'),
      optional('auth', '["certificate", "password"]', 'who may enrol over EST (also: mtls, otp); unset: no client'),
      optional(
        'client_ca',
        '"/etc/brine/clients.pem"',
        'CAs whose client certificates are accepted; needs auth = certificate',
      ),
      optional(
        'client_crl',
        '"/etc/brine/clients.crl"',
        'CRLs of these CAs, PEM or DER: a client certificate without a valid one is refused',
      ),
    ],
  },
]
