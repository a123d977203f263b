/** A key that was compromised is refused from then on, and certificates say where their CRL and their CA's certificate are. */
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { RevokeReport } from '../../../src/core/app/enrolment/certificates.js'
import { EnrolSite, group, type Outcome, shown } from '../../support/sites/enrol-site.js'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const site = new EnrolSite()
const one = site.ca('one')
const [CRL, ISSUER] = ['http://pki.example.net/one.crl', 'http://pki.example.net/one.cer']

beforeAll(async () => {
  await site.init()
  const locations = `crl_url = "${CRL}"\nissuer_url = "${ISSUER}"\n`
  site.configure(`${site.fileCa('one', one)}${locations}${site.fileCa('two')}${group('device', ['one', 'two'])}`)
})
afterAll(() => site.remove())

/** A request with this key. */
function requestWith(key: string, subject: string): string {
  const path = site.box.path(`${subject.slice(4)}.csr`)
  site.box.run('req', '-new', '-key', key, '-subj', subject, '-out', path)
  return path
}

async function enrolled(csr: string): Promise<Outcome> {
  const outcome = await site.enrolFile('device', csr)
  expect(outcome.error).toBe('')
  return outcome
}
const revoke = (id: string, because: string): Promise<RevokeReport> =>
  site
    .brine('est', 'cert', 'revoke', id, '--because', because, '--yes', '--json')
    .then((run) => run.json<RevokeReport>())

it('a certificate says where its CRL and the certificate of its CA are, if they are configured', async () => {
  const { pem } = await site.enrolFile('device', site.request(), '--ca', 'one')
  const text = shown(pem, '-text')
  expect(text).toContain(`Full Name:\n                  URI:${CRL}`)
  expect(text).toContain(`CA Issuers - URI:${ISSUER}`)
  expect(text).not.toContain('OCSP')
  await site.verify('device', [pem])
  const { pem: plain } = await site.enrolFile('device', site.request(), '--ca', 'two')
  expect(shown(plain, '-text')).not.toMatch(/CRL Distribution|Authority Information/)
})

it('a location that is no URL is an error of the configuration', async () => {
  const text = readFileSync(`${site.data}/brine.toml`, 'utf8')
  writeFileSync(site.box.path('bad.toml'), text.replace(CRL, 'file:///one crl'))
  const { code, stdout } = await site.brine('config', 'check', '--config', site.box.path('bad.toml'))
  expect([code, stdout]).toEqual([2, expect.stringContaining('crl_url')])
})

it('a key of which a certificate was revoked as compromised is refused at every label, and so is its renewal', async () => {
  const key = site.box.key()
  const [first, second] = [
    await enrolled(requestWith(key, '/CN=first')),
    await enrolled(requestWith(key, '/CN=second')),
  ]
  // any other reason leaves the key usable
  expect(await revoke(first.id, 'superseded')).toMatchObject({ changed: 'yes', informed: true, sameKey: [] })
  const third = await enrolled(requestWith(key, '/CN=third'))
  const report = await revoke(second.id, 'keyCompromise')
  expect(report).toMatchObject({ changed: 'yes', informed: true, sameKey: [{ id: third.id }] })

  const refused = await site.enrolFile('device', requestWith(key, '/CN=fourth'))
  expect([refused.code, refused.error, refused.asked]).toEqual([1, 'csr-key-compromised', []])
  expect(refused.message).toContain('make a new key')
  writeFileSync(site.box.path('third.pem'), third.pem)
  const renewal = ['est', 'renew', 'device', '--cert', site.box.path('third.pem'), '--csr']
  const renewed = await site.brine(...renewal, site.request({ subject: '/CN=third' }))
  expect([renewed.code, renewed.stderr]).toEqual([1, expect.stringContaining('was revoked as compromised at')])
  const told = await site.brine('est', 'cert', 'revoke', second.id, '--because', 'keyCompromise', '--yes')
  expect(told.stdout).toContain('already revoked')
  // another key of the same name is not affected
  await enrolled(site.request({ subject: '/CN=third' }))
  expect((await site.brine('audit', 'verify')).code).toBe(0)
})

it('a compromise that becomes known after the revocation counts too, and the CRL says so', async () => {
  const key = site.box.key()
  const { id } = await site.enrolFile('device', requestWith(key, '/CN=late'), '--ca', 'one')
  expect((await revoke(id, 'unspecified')).changed).toBe('yes')
  await enrolled(requestWith(key, '/CN=late'))
  const before = (await site.brine('est', 'cert', 'show', id, '--json')).json<{ revoked: { at: string } }>()
  expect(await revoke(id, 'keyCompromise')).toMatchObject({ changed: 'yes', reason: 'keyCompromise' })
  const after = (await site.brine('est', 'cert', 'show', id, '--json')).json<{ revoked: { at: string } }>()
  expect(after.revoked).toEqual({ at: before.revoked.at, reason: 'keyCompromise' })
  expect((await site.enrolFile('device', requestWith(key, '/CN=late'))).error).toBe('csr-key-compromised')
  // a later reason does not make the key usable again
  expect((await revoke(id, 'superseded')).changed).toBe('no')
  const crl = await site.brine('est', 'crl', 'one')
  writeFileSync(site.box.path('one.crl'), crl.stdout)
  expect(site.box.run('crl', '-in', 'one.crl', '-noout', '-text').toString()).toContain('Key Compromise')
})
