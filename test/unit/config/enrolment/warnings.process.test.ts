/** Warnings of `config check` about certificates that are not valid and about weights. */
import { writeFileSync } from 'node:fs'
import { afterAll, expect, it } from 'vitest'
import { addSeconds, type Instant } from '../../../../src/core/base/time.js'
import { enrolmentWarnings } from '../../../../src/core/config/enrolment/warnings.js'
import { loadConfig, loadUsableConfig } from '../../../../src/core/config/load.js'
import { systemRandom } from '../../../../src/core/crypto/random.js'
import { readRequest } from '../../../../src/core/pki/csr.js'
import { issueCertificate } from '../../../../src/core/pki/issue.js'
import { pem } from '../../../../src/core/pki/pem.js'
import { BUILT_IN_PROFILES, type CertificateProfile } from '../../../../src/core/pki/profile.js'
import { issuerOf } from '../../../support/peers/ca-peer.js'
import { OpensslBox } from '../../../support/peers/requests.js'

const box = new OpensslBox()
afterAll(() => box.remove())
const NOW = new Date().toISOString().replace(/\.\d+/, '') as Instant
const root = box.ca('root')

/** A certificate that is valid for an hour from `seconds` after now. */
async function certificate(name: string, seconds: number): Promise<string> {
  const { request } = readRequest(box.request())
  const profile = { ...BUILT_IN_PROFILES[0], validSeconds: 3600 } as CertificateProfile
  // notBefore is five minutes before the time of issue
  const at = addSeconds(NOW, seconds + 300)
  const issuer = issuerOf(root)
  // a CA never issues for a time before its own, so the one here is older
  const older = { ...issuer, certificate: { ...issuer.certificate, notBefore: '2000-01-01T00:00:00Z' as Instant } }
  const der = await issueCertificate(older, request!, profile, at, systemRandom)
  writeFileSync(box.path(name), pem('CERTIFICATE', der))
  return box.path(name)
}

const warningsOf = async (text: string) =>
  enrolmentWarnings((await loadConfig(text, 'brine.toml')).enrolment).map(({ place, message }) => [
    place.join('.'),
    message,
  ])
const remote = (caCert: string, authCert: string): string =>
  `[[ca]]\nid = "x"\nbackend = "cfssl"\n[ca.cfssl]\nurl = "https://x"\nca_cert = "${caCert}"\nauth_cert = "${authCert}"\nauth_key = "${root.key}"\n`

it('name a certificate of a CA or of its client that is not valid yet', async () => {
  const [valid, future] = [await certificate('valid.pem', -60), await certificate('future.pem', 7200)]
  expect(await warningsOf(remote(valid, valid))).toEqual([])
  expect(await warningsOf(remote(future, future))).toEqual([
    ['ca.0.cfssl.ca_cert', expect.stringMatching(/future\.pem is not valid before .*: x issues nothing until then$/)],
    [
      'ca.0.cfssl.auth_cert',
      expect.stringMatching(/future\.pem is not valid before .*: x cannot be reached until then$/),
    ],
  ])
})

it('name a weighted group without weights, and weights that are not used', async () => {
  const group = (more: string): string =>
    `[[ca]]\nid = "x"\nbackend = "file"\n[ca.file]\nca_cert = "${root.cert}"\nca_key = "${root.key}"\n[[ha.group]]\nname = "g"\nca_ids = ["x"]\n${more}`
  expect(await warningsOf(group('strategy = "weighted"\n'))).toEqual([
    ['ha.group.0.strategy', 'group "g" has the strategy weighted but no weights: every CA gets the same share'],
  ])
  expect(await warningsOf(group('weights = { x = 3 }\n'))).toEqual([
    ['ha.group.0.weights', 'group "g" has weights, which its strategy active-passive does not use'],
  ])
  expect(await warningsOf(group('strategy = "weighted"\nweights = { x = 3 }\n'))).toEqual([])
  expect(await warningsOf(group(''))).toEqual([])
})

it('a default label must be one of the labels, and disables no other when it is not', async () => {
  const label = `[[ca]]\nid = "x"\nbackend = "file"\n[ca.file]\nca_cert = "${root.cert}"\nca_key = "${root.key}"\n[[est.label]]\nname = "device"\nca_id = "x"\n`
  expect((await loadConfig(`${label}[est]\ndefault_label = "device"\n`, 'brine.toml')).enrolment.defaultLabel).toBe(
    'device',
  )
  await expect(loadConfig(`${label}[est]\ndefault_label = "other"\n`, 'brine.toml')).rejects.toThrow(
    /unknown label "other": define it in \[\[est\.label\]\]/,
  )
  const { enrolment, sectionFaults } = await loadUsableConfig(`${label}[est]\ndefault_label = "other"\n`, 'brine.toml')
  expect([enrolment.labels.map(({ name }) => name), sectionFaults.length]).toEqual([['device'], 1])
})
