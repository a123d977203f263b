/** The sections about enrolment: the documented examples, defaults, and every fault with its line. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { NO_ENROLMENT } from '../../../../src/core/config/enrolment/schema.js'
import { enrolmentWarnings } from '../../../../src/core/config/enrolment/warnings.js'
import { configDigest, loadConfig } from '../../../../src/core/config/load.js'
import { documented } from '../../../support/sites/documentation.js'

const read = async (text: string) => (await loadConfig(text, 'brine.toml')).enrolment
const refusal = async (text: string): Promise<string> =>
  loadConfig(text, 'brine.toml').then(
    () => 'accepted',
    (error: Error) => error.message,
  )

/** Two CAs in lines 1 to 12; what follows starts on line 13. */
const CAS = ['one', 'two']
  .map((id) => `[[ca]]\nid = "${id}"\nbackend = "file"\n[ca.file]\nca_cert = "/${id}.pem"\nca_key = "/${id}.key"\n`)
  .join('')

describe('the documented examples', () => {
  it('load as they stand', async (context) => {
    const whole = documented(context).filter((text) => text.includes('[[est.label]]') && !text.includes('# ...'))
    const loaded = await Promise.all(whole.map(read))
    expect(loaded.map((e) => [e.groups[0]?.strategy, e.cas.length, e.labels[0]?.profile])).toEqual([
      ['active-passive', 2, 'deviceCert'],
      ['round-robin', 3, 'iotDevice'],
      ['latency-based', 2, 'vpnCert'],
      ['weighted', 2, 'serverCert'],
    ])
    expect(loaded[3]?.groups[0]?.weights).toEqual({ 'old-ca': 90, 'new-ca': 10 })
    const tuning = documented(context).filter((text) => text.startsWith('[ha]') && !text.includes('[[ca]]'))
    const sets = await Promise.all(tuning.map(read))
    expect(
      sets.map(({ breaker }) => [breaker.checkInterval, breaker.failureThreshold, breaker.recoveryTimeout]),
    ).toEqual([
      [10, 3, 60],
      [5, 2, 30],
      [30, 5, 120],
      [10, 3, 60],
    ])
  })
})

describe('the sections about enrolment', () => {
  it('have defaults, and are not there where nothing says so', async () => {
    expect(await read('')).toBe(NO_ENROLMENT)
    const { breaker, attemptTimeout, requestDeadline } = await read(CAS)
    expect(breaker).toEqual(NO_ENROLMENT.breaker)
    expect([attemptTimeout, requestDeadline]).toEqual([30, 90])
  })

  it('give a group the global strategy, unless it has its own', async () => {
    const { groups } = await read(
      `[ha]\nstrategy = "round-robin"\n${CAS}[[ha.group]]\nname = "a"\nca_ids = ["one"]\n[[ha.group]]\nname = "b"\nca_ids = ["two"]\nstrategy = "weighted"\n`,
    )
    expect(groups.map((g) => g.strategy)).toEqual(['round-robin', 'weighted'])
  })

  it('say who may enrol over CGI: nobody, one way, or both', async () => {
    const label = (name: string, more: string): string => `[[est.label]]\nname = "${name}"\nca_id = "one"\n${more}\n`
    const { labels } = await read(
      `${CAS}${label('a', '')}${label('b', 'auth = "password"')}${label('c', 'auth = "certificate"\nclient_ca = "/c.pem"')}${label('d', 'auth = ["password", "certificate"]\nclient_ca = "/c.pem"')}${label('e', 'auth = ["mtls", "otp"]\nclient_ca = "/c.pem"')}`,
    )
    expect(labels.map(({ auth, clientCa }) => [auth, clientCa])).toEqual([
      [[], undefined],
      [['password'], undefined],
      [['certificate'], '/c.pem'],
      [['certificate', 'password'], '/c.pem'],
      // as others say
      [['certificate', 'password'], '/c.pem'],
    ])
  })

  it('count in the digest of the configuration', async () => {
    const [none, some] = await Promise.all([loadConfig('', 'x'), loadConfig(CAS, 'x')])
    expect(configDigest(none)).not.toBe(configDigest(some))
  })

  it.each([
    [
      'an unknown CA in a group',
      '[[ha.group]]\nname = "g"\nca_ids = ["one", "tree"]',
      '15: unknown CA "tree" in group "g"',
    ],
    [
      'a group twice',
      '[[ha.group]]\nname = "g"\nca_ids = ["one"]\n[[ha.group]]\nname = "g"\nca_ids = ["two"]',
      '16: group "g" is defined twice',
    ],
    [
      'a CA twice',
      '[[ca]]\nid = "one"\nbackend = "file"\n[ca.file]\nca_cert = "/c"\nca_key = "/k"',
      '13: CA "one" is defined twice',
    ],
    [
      'a CA twice in a group',
      '[[ha.group]]\nname = "g"\nca_ids = ["one", "one"]',
      '15: CA "one" is listed twice in group "g"',
    ],
    [
      'a weight for a stranger',
      '[[ha.group]]\nname = "g"\nca_ids = ["one"]\nweights = { "two" = 1 }',
      '16: weight for "two", which is not a member of group "g"',
    ],
    [
      'a negative weight',
      '[[ha.group]]\nname = "g"\nca_ids = ["one"]\nweights = { "one" = -1 }',
      '16: weights of [[ha.group]] must be a table of whole numbers from 0 to 1000000, not a table',
    ],
    [
      'weights that are all 0',
      '[[ha.group]]\nname = "g"\nstrategy = "weighted"\nca_ids = ["one"]\nweights = { "one" = 0 }',
      '17: all weights of group "g" are 0: no CA could serve',
    ],
    ['an empty group', '[[ha.group]]\nname = "g"\nca_ids = []', '15: group "g" has no CA: ca_ids needs at least one'],
    [
      'a check that outlasts the interval',
      '[ha]\ncheck_interval = "5s"\ncheck_timeout = "5s"',
      '15: check_timeout (5 s) must be below check_interval (5 s)',
    ],
    [
      'a duration without a unit',
      '[ha]\ncheck_interval = 10',
      '14: check_interval of [ha] must be a duration such as "30s", "15m" or "24h", from 1 to 86400 seconds, not 10',
    ],
    [
      'a label whose CA stands in two groups',
      '[[ha.group]]\nname = "g"\nca_ids = ["one"]\n[[ha.group]]\nname = "h"\nca_ids = ["one"]\n[[est.label]]\nname = "l"\nca_id = "one"',
      '21: label "l": one is in the groups g and h; select one with group',
    ],
    ['a label of an unknown CA', '[[est.label]]\nname = "l"\nca_id = "three"', '15: unknown CA "three" in label "l"'],
    [
      'a label of an unknown profile',
      '[[est.label]]\nname = "l"\nca_id = "one"\nprofile = "nope"',
      '16: unknown profile "nope" in label "l": define it in [[est.profile]]',
    ],
    [
      'auth by certificate without the CA of the clients',
      '[[est.label]]\nname = "l"\nca_id = "one"\nauth = ["password", "certificate"]',
      '16: label "l": auth by certificate needs client_ca, a PEM file of the CAs of its clients',
    ],
    [
      'a CA of clients whose certificates do not count',
      '[[est.label]]\nname = "l"\nca_id = "one"\nauth = "password"\nclient_ca = "/c.pem"',
      '17: label "l": client_ca is used only if auth has certificate',
    ],
    [
      'a way to authenticate that is none',
      '[[est.label]]\nname = "l"\nca_id = "one"\nauth = ["password", "basic"]',
      '16: auth of [[est.label]] must be one of certificate, password, mtls, otp, or a list of them, not an array',
    ],
    [
      'a way to authenticate twice',
      '[[est.label]]\nname = "l"\nca_id = "one"\nauth = ["password", "password"]',
      '16: auth of [[est.label]] must be one of certificate, password, mtls, otp, or a list of them, not an array',
    ],
    [
      'an empty list of ways to authenticate',
      '[[est.label]]\nname = "l"\nca_id = "one"\nauth = []',
      '16: auth of [[est.label]] must be one of certificate, password, mtls, otp, or a list of them, not an array',
    ],
    [
      'a relative path to the CA of the clients',
      '[[est.label]]\nname = "l"\nca_id = "one"\nauth = "certificate"\nclient_ca = "c.pem"',
      '17: client_ca of [[est.label]] must be an absolute path, not "c.pem"',
    ],
    [
      'an unknown strategy',
      '[ha]\nstrategy = "random"',
      '14: strategy of [ha] must be one of active-passive, round-robin, weighted, latency-based, not "random"',
    ],
    [
      'an unknown key with one that is near',
      '[ha]\ncheck_intervall = "5s"',
      '14: unknown key "check_intervall" in [ha], did you mean check_interval?',
    ],
    [
      'a key of another backend',
      '[[ca]]\nid = "x"\nbackend = "file"\n[ca.file]\nca_cert = "/c"\nca_key = "/k"\nurl = "https://x"',
      '19: unknown key "url" in [ca.file]',
    ],
    ['a backend without its table', '[[ca]]\nid = "x"\nbackend = "file"', '2 errors'],
    ['an unknown backend', '[[ca]]\nid = "x"\nbackend = "vault"\n[ca.vault]\nurl = "https://x"', '2 errors'],
    [
      'a relative path',
      '[[ca]]\nid = "x"\nbackend = "file"\n[ca.file]\nca_cert = "c.pem"\nca_key = "/k"',
      '17: ca_cert of [ca.file] must be an absolute path, not "c.pem"',
    ],
    [
      'a PIN in the URI',
      '[[ca]]\nid = "x"\nbackend = "pkcs11"\n[ca.pkcs11]\nca_cert = "/c"\nmodule = "/m.so"\nuri = "pkcs11:token=t?pin-value=1234"',
      '19: uri of [ca.pkcs11] must be a pkcs11: URI (RFC 7512) without a pin-value, not [redacted]',
    ],
    [
      'a URI of a token that is not understood',
      '[[ca]]\nid = "x"\nbackend = "pkcs11"\n[ca.pkcs11]\nca_cert = "/c"\nmodule = "/m.so"\nuri = "pkcs11:token=t;colour=red"',
      '19: uri of [ca.pkcs11] is not a usable pkcs11: URI (RFC 7512): it has "colour"; known attributes: token',
    ],
    [
      'a client key in a token that is not named',
      '[[ca]]\nid = "x"\nbackend = "dogtag"\n[ca.dogtag]\nurl = "https://x"\nca_cert = "/c"\nauth_cert = "/c"\nauth_key = "pkcs11:object=ra-key"',
      '20: auth_key of [ca.dogtag] is not a usable pkcs11: URI (RFC 7512): the token is missing',
    ],
    ['no table at all', 'ha = 3', '13: [ha] must be a table, not 3'],
    ['one CA as a table', 'ca = 3', '13: ca must be a list of tables, [[ca]]'],
  ])('refuse %s', async (title, text, wanted) => {
    const isAlone = text.startsWith('ca = ')
    const message = await refusal(
      isAlone
        ? `${'\n'.repeat(12)}${text}\n`
        : title === 'no table at all'
          ? `${'\n'.repeat(12)}${text}\n`
          : `${CAS}${text}\n`,
    )
    expect(message).toContain(/^\d+:/.test(wanted) ? `brine.toml:${wanted}` : wanted)
  })

  it('tell all faults at once, in the order of lines', async () => {
    const message = await refusal(`${CAS}[ha]\nfailure_threshold = 0\n[[ha.group]]\nname = "G"\nca_ids = "one"\n`)
    expect(message.match(/line \d+/g)).toEqual(['line 14', 'line 16', 'line 17'])
  })

  it('warn of a CA of clients that is not there, or is none', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'brine-clients-'))
    try {
      const empty = join(dir, 'empty.pem')
      writeFileSync(empty, 'nothing')
      const label = (name: string, path: string): string =>
        `[[est.label]]\nname = "${name}"\nca_id = "one"\nauth = "certificate"\nclient_ca = "${path}"\n`
      const found = enrolmentWarnings(await read(`${CAS}${label('a', join(dir, 'none.pem'))}${label('b', empty)}`))
      expect(found.filter(({ place }) => place[0] === 'est')).toEqual([
        {
          place: ['est', 'label', 0, 'client_ca'],
          message: `${join(dir, 'none.pem')} does not exist: label a refuses every client certificate until this is fixed`,
        },
        {
          place: ['est', 'label', 1, 'client_ca'],
          message: `${empty} contains no readable certificate: label b refuses every client certificate until this is fixed`,
        },
      ])
    } finally {
      rmSync(dir, { recursive: true })
    }
  })

  it('warn of libraries and PIN files of tokens that are not there', async () => {
    const token =
      '[[ca]]\nid = "x"\nbackend = "pkcs11"\n[ca.pkcs11]\nca_cert = "/c"\nmodule = "/no/m.so"\nuri = "pkcs11:token=t"\npin_file = "/no/pin"\n'
    const client =
      '[[ca]]\nid = "y"\nbackend = "dogtag"\n[ca.dogtag]\nurl = "https://y"\nca_cert = "/c"\nauth_cert = "/c"\nauth_key = "pkcs11:token=t"\nauth_module = "/no/m.so"\nauth_pin_file = "/no/pin"\n'
    const found = enrolmentWarnings(await read(token + client)).map(({ place, message }) => [place.join('.'), message])
    for (const [place, path, ca] of [
      ['ca.0.pkcs11.module', '/no/m.so', 'x'],
      ['ca.0.pkcs11.pin_file', '/no/pin', 'x'],
      ['ca.1.dogtag.auth_module', '/no/m.so', 'y'],
      ['ca.1.dogtag.auth_pin_file', '/no/pin', 'y'],
    ])
      expect(found).toContainEqual([
        place,
        `${path} does not exist: ${ca} serves nothing until it does, and is probed again after recovery_timeout`,
      ])
  })

  it('never show a secret of a URI', async () => {
    const text =
      '[[ca]]\nid = "x"\nbackend = "pkcs11"\n[ca.pkcs11]\nca_cert = "/c"\nmodule = "/m.so"\nuri = "pkcs11:token=t?pin-value=98765"'
    expect(await refusal(text)).not.toContain('98765')
    const client =
      '[[ca]]\nid = "x"\nbackend = "cfssl"\n[ca.cfssl]\nurl = "https://x"\nca_cert = "/c"\nauth_cert = "/c"\nauth_key = "pkcs11:token=t?pin-value=98765"'
    expect(await refusal(client)).not.toContain('98765')
  })
})
