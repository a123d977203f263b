/** The documented example of two CAs, active-passive: each line of its "Expected behavior", and the example of the label. */
import { copyFileSync, renameSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SoftHsm } from '../../support/peers/softhsm.js'
import { absentForTls, absentForTokens, SOFTHSM } from '../../support/peers/token-program.js'
import { missing } from '../../support/processes/missing.js'
import { documentedOne } from '../../support/sites/documentation.js'
import { issuerOf, shown } from '../../support/sites/enrol-site.js'
import { ExampleSite } from '../../support/sites/example-site.js'

const site = new ExampleSite()

beforeAll(async () => {
  await site.init()
  const agent = { authCert: 'ra-agent.pem', authKey: 'ra-agent-key.pem' }
  await site.dogtag({ host: 'pki', caCert: 'pki-ca.pem', ...agent }, 'deviceCert')
  copyFileSync(site.ca('backup-ca').key, site.box.path('backup-ca-key.pem'))
})
afterAll(() => site.close())

describe('two CAs, active-passive, with an HSM behind the primary', () => {
  const pems: string[] = []
  const enrolled = async (): Promise<{ readonly by: string; readonly asked: readonly string[] }> => {
    const outcome = await site.enrol('device')
    pems.push(outcome.pem)
    return { by: issuerOf(outcome), asked: outcome.asked }
  }

  it('is served as documented', async (context) => {
    const example = documentedOne(context, 'id = "backup-ca"')
    // the key of the agent lies in a file here, so that this runs everywhere; below it lies in the token that the example names
    const text = example.replace('pkcs11:token=HSM;object=ra-key', site.box.path('ra-agent-key.pem'))
    expect(text).not.toBe(example)
    site.configure(site.made(text))
    const checked = await site.brine('config', 'check')
    expect([checked.code, checked.stdout + checked.stderr]).toEqual([0, expect.not.stringContaining('arning')])

    // All requests use hsm-ca under normal conditions
    expect(await site.serve('device', 4)).toEqual(['hsm-ca', 'hsm-ca', 'hsm-ca', 'hsm-ca'])
    expect([site.asked('pki'), (await site.status()).next]).toEqual([4, 'hsm-ca'])

    // If the HSM or Dogtag server fails, traffic immediately switches to backup-ca
    site.fail('pki')
    for (const state of ['degraded', 'degraded', 'circuit-open']) {
      expect(await enrolled()).toEqual({ by: 'backup-ca', asked: ['hsm-ca ca-fault', 'backup-ca ok'] })
      expect((await site.member('hsm-ca')).state).toBe(state)
    }
    const before = site.server('pki').requests
    expect(await enrolled()).toEqual({ by: 'backup-ca', asked: ['backup-ca ok'] })
    expect(site.server('pki').requests).toBe(before)

    // When hsm-ca recovers, traffic returns to it within one check_interval
    site.mend('pki')
    const { openUntil } = await site.member('hsm-ca')
    const until = Date.parse(openUntil ?? '') / 1000
    await site.brine('ha', 'probe')
    expect([site.server('pki').requests, (await enrolled()).by]).toEqual([before, 'backup-ca'])
    while (site.now < until) {
      site.now += 10
      await site.brine('ha', 'probe', '--quiet')
    }
    expect(site.now - until).toBeLessThan(10)
    expect(await enrolled()).toEqual({ by: 'hsm-ca', asked: ['hsm-ca ok'] })
    expect(await site.states()).toBe('healthy healthy')

    // Clients see no difference: the device label works throughout, and whoever trusts the root takes every certificate
    await site.verify('device', pems)
    const issuers = new Set(pems.map((pem) => shown(pem, '-issuer')))
    expect([...issuers]).toEqual([expect.stringContaining('backup-ca'), expect.stringContaining('pki-ca')])
    const listed = (await site.brine('est', 'cert', 'list', '--json')).json<{ certificates: { ca: string }[] }>()
    expect(listed.certificates).toHaveLength(4 + pems.length)
    expect((await site.brine('audit', 'verify')).code).toBe(0)
  })
})

describe('the key of the agent in a token, as the example names it', () => {
  it('is used where it lies, and when the HSM fails, traffic immediately switches', async (context) => {
    const example = documentedOne(context, 'id = "backup-ca"')
    const absent = absentForTokens() ?? absentForTls()
    if (absent !== undefined) missing(context, absent)
    const hsm = new SoftHsm(site.box)
    site.env = { SOFTHSM2_CONF: process.env['SOFTHSM2_CONF'] ?? '' }
    hsm.token('HSM')
    hsm.put('HSM', site.box.path('ra-agent-key.pem'), 'ra-key', '01')
    // the library and the PIN of a token must be somewhere; nothing else is added
    const token = `auth_module = "${SOFTHSM}"\nauth_pin_file = "${hsm.pinFile('pin')}"\n`
    const text = example.replace(/^auth_key = .*$/m, (line) => `${line}\n${token}`)
    expect(text).toContain('auth_key = "pkcs11:token=HSM;object=ra-key"')
    site.configure(site.made(text).replaceAll('"hsm-ca"', '"token-ca"'))
    const before = site.asked('pki')
    expect([await site.serve('device', 2), site.asked('pki')]).toEqual([['token-ca', 'token-ca'], before + 2])
    renameSync(hsm.dir, `${hsm.dir}-away`)
    const outcome = await site.enrol('device')
    expect([issuerOf(outcome), outcome.asked.length]).toEqual(['backup-ca', 2])
    renameSync(`${hsm.dir}-away`, hsm.dir)
    await site.brine('ha', 'resume', 'token-ca')
    expect(await site.serve('device', 1)).toEqual(['token-ca'])
  })
})

describe('the label of a group', () => {
  it('names one CA and is served by another while that one fails, as documented', async (context) => {
    const hsm = `[ca.dogtag]\nurl = "https://pki.example.com:8443"\nca_cert = "/etc/kipuka/pki-ca.pem"\nauth_cert = "/etc/kipuka/ra-agent.pem"\nauth_key = "/etc/kipuka/ra-agent-key.pem"`
    const file = `[ca.file]\nca_cert = "/etc/kipuka/backup-ca.pem"\nca_key = "/etc/kipuka/backup-ca-key.pem"`
    const text = documentedOne(context, '# ... HSM configuration ...')
      .replace('# ... HSM configuration ...', hsm)
      .replace('# ... file configuration ...', file)
    site.configure(site.made(text))
    expect(await site.serve('device-cert', 2)).toEqual(['hsm-ca', 'hsm-ca'])
    site.fail('pki')
    expect(await site.serve('device-cert', 4)).toEqual(['file-ca', 'file-ca', 'file-ca', 'file-ca'])
    site.mend('pki')
    expect((await site.brine('ha', 'resume', 'hsm-ca')).code).toBe(0)
    expect(await site.serve('device-cert', 1)).toEqual(['hsm-ca'])
  })
})
