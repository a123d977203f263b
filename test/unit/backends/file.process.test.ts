/** A CA whose key is a file. */
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { addSeconds } from '../../../src/core/base/time.js'
import type { CaConfig } from '../../../src/core/config/enrolment/schema.js'
import type { CrlContent } from '../../../src/core/ha/backend.js'
import { certificatesOf } from '../../../src/core/pki/certificate.js'
import { OpensslBox } from '../../support/peers/requests.js'
import { describeContract, faultOf, NOW, opened, PROFILE, patient } from './contract.js'

const box = new OpensslBox()
afterAll(() => box.remove())

/** A CA by its name; the key file is as closed as it should be. */
function fileCa(name: string, key = 'P-256', days = 3650): Extract<CaConfig, { backend: 'file' }> {
  const made = box.ca(name, { key, days })
  chmodSync(made.key, 0o600)
  return { id: name, backend: 'file', caCert: made.cert, caKey: made.key, chain: undefined }
}

const good = fileCa('good')
const other = fileCa('other')
const csr = box.request()

describeContract('file', () => ({
  config: good,
  caCert: readFileSync(good.caCert),
  requests: () => 0,
  csr,
  expired: addSeconds(NOW, 3651 * 86_400),
  incomplete: { ...good, caKey: box.path('nowhere.pem') },
  broken: { ...good, caKey: other.caKey },
}))

/** A copy of the CA's key with other content or another mode. */
function withKey(content: string | Buffer, mode = 0o600): CaConfig {
  const path = box.path('changed.pem')
  writeFileSync(path, content)
  chmodSync(path, mode)
  return { ...good, caKey: path }
}

describe('the files of a CA', () => {
  it.each(['rsa', 'P-384', 'P-521'])('may hold a key %s', async (key) => {
    const backend = await opened(fileCa(`kind-${key}`, key))
    await backend.probe(patient())
    expect((await backend.issue({ csr, profile: PROFILE, signal: patient() })).outcome).toBe('ok')
  })

  it.each([0o640, 0o604, 0o660])('are refused where others can read the key: %o', async (mode) => {
    const backend = await opened(withKey(readFileSync(good.caKey), mode))
    for (const fault of [
      await faultOf(backend.probe(patient())),
      await faultOf(backend.issue({ csr, profile: PROFILE, signal: patient() })),
    ]) {
      expect([fault.outcome, fault.code]).toEqual(['config-fault', 'ca-key-exposed'])
      expect(fault.message).toContain(mode.toString(8))
    }
  })

  it('are refused where the key is of another certificate, and nothing is signed', async () => {
    const backend = await opened({ ...good, caKey: other.caKey })
    for (const fault of [
      await faultOf(backend.probe(patient())),
      await faultOf(backend.issue({ csr, profile: PROFILE, signal: patient() })),
    ])
      expect([fault.outcome, fault.code]).toEqual(['config-fault', 'ca-key-mismatch'])
  })

  it('are refused where the key wants a passphrase or is none, and show nothing of it', async () => {
    box.run('pkcs8', '-topk8', '-in', good.caKey, '-passout', 'pass:swordfish', '-out', 'locked.pem')
    const locked = await faultOf((await opened(withKey(readFileSync(box.path('locked.pem'))))).probe(patient()))
    expect([locked.outcome, locked.message.includes('encrypted')]).toEqual(['config-fault', true])
    const secret = readFileSync(good.caKey, 'utf8').split('\n')[1]!
    const text = `-----BEGIN PRIVATE KEY-----\n${secret}\n-----END PRIVATE KEY-----\n`
    const torn = await faultOf((await opened(withKey(text))).probe(patient()))
    expect(torn.outcome).toBe('config-fault')
    expect(JSON.stringify([torn.message, torn.cause ?? null])).not.toContain(secret.slice(0, 16))
  })

  it('are refused where the certificate is none of a CA', async () => {
    box.run('req', '-x509', '-new', '-key', good.caKey, '-subj', '/CN=leaf', '-out', 'leaf.pem', '-config', '/dev/null')
    for (const caCert of [box.path('leaf.pem'), good.caKey, box.dir]) {
      const fault = await faultOf((await opened({ ...good, caCert })).probe(patient()))
      expect([fault.outcome, fault.message.startsWith(caCert)]).toEqual(['config-fault', true])
    }
  })

  it('are read anew each time: a key that is put in place later works', async () => {
    const later = box.path('later.pem')
    const backend = await opened({ ...good, caKey: later })
    expect((await faultOf(backend.probe(patient()))).outcome).toBe('config-fault')
    copyFileSync(good.caKey, later)
    chmodSync(later, 0o600)
    await backend.probe(patient())
  })

  it('add up to a chain: own certificate, then those above it, each once', async () => {
    const chain = box.path('above.pem')
    writeFileSync(chain, Buffer.concat([readFileSync(good.caCert), readFileSync(other.caCert)]))
    const found = await (await opened({ ...good, chain })).chain()
    const [own, above] = [good, other].map(({ caCert }) => certificatesOf(readFileSync(caCert))[0])
    expect(found.map((der) => Buffer.from(der))).toEqual([Buffer.from(own!), Buffer.from(above!)])
  })

  it('are not good before their time', async () => {
    const backend = await opened(good, addSeconds(NOW, -86_400))
    expect((await faultOf(backend.probe(patient()))).code).toBe('ca-certificate-not-yet-valid')
  })
})

describe('a CA whose key is a file', () => {
  const day: CrlContent = {
    number: 1n,
    thisUpdate: NOW,
    nextUpdate: addSeconds(NOW, 86_400),
    revoked: [{ serial: '1f', revokedAt: NOW, reason: 'superseded' }],
  }

  it('signs its CRL, with the reasons by name', async () => {
    const der = await (await opened(good)).crl?.(day, patient())
    writeFileSync(box.path('list.der'), der ?? '')
    const text = box.run('crl', '-inform', 'DER', '-in', 'list.der', '-noout', '-text').toString()
    expect(text).toContain('Superseded')
  })

  it('signs no CRL where its certificate is not for that, the key is another, or its time is over', async () => {
    const usage = 'keyUsage=critical,keyCertSign'
    const made = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', usage, '-out', 'nocrl.pem']
    box.run('req', '-x509', '-new', '-key', good.caKey, '-subj', '/CN=nocrl', '-config', '/dev/null', ...made)
    const cases: readonly (readonly [CaConfig, string, number])[] = [
      [{ ...good, caCert: box.path('nocrl.pem') }, 'ca-signs-no-crl', 0],
      [{ ...good, caKey: other.caKey }, 'ca-key-mismatch', 0],
      [good, 'ca-certificate-expired', 3651 * 86_400],
    ]
    for (const [config, code, ahead] of cases) {
      const backend = await opened(config, addSeconds(NOW, ahead))
      expect((await faultOf(backend.crl?.(day, patient()) ?? Promise.resolve())).code).toBe(code)
    }
  })

  it('keeps nothing pending, and takes a revocation in silence', async () => {
    const backend = await opened(good)
    expect((await faultOf(backend.poll('17', patient()))).outcome).toBe('request-fault')
    await expect(backend.revoke('1f', 'superseded', patient())).resolves.toBeUndefined()
  })
})
