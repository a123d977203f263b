/** The real cfssl: killed, stopped, resumed. */
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addSeconds } from '../../../src/core/base/time.js'
import type { CaConfig } from '../../../src/core/config/enrolment/schema.js'
import { readPlainCertificate } from '../../../src/core/pki/certificate.js'
import { peerFiles, tlsLeaf } from '../../support/peers/ca-peer.js'
import { RealCfssl, recorded } from '../../support/peers/cfssl-peer.js'
import { OpensslBox } from '../../support/peers/requests.js'
import { findProgram } from '../../support/peers/validators.js'
import { needProgram } from '../../support/processes/missing.js'
import { describeContract, faultOf, NOW, opened, PROFILE, patient } from './contract.js'

const program = findProgram('cfssl')

if (program === undefined)
  it('talks to the real cfssl', (context) => {
    needProgram(context, 'cfssl')
  })
else {
  const box = new OpensslBox()
  const files = peerFiles(box, 'real')
  const csr = box.request({ san: 'DNS:a.example' })
  let server: RealCfssl
  let config: Extract<CaConfig, { backend: 'cfssl' }>

  beforeAll(async () => {
    server = await RealCfssl.start(program, box, files, true)
    config = {
      id: 'real',
      backend: 'cfssl',
      url: server.url,
      caCert: files.ca.cert,
      tlsCa: files.tlsCa,
      authCert: files.client.cert,
      authKey: files.client.key,
      profile: 'devices',
      probeProfile: undefined,
    }
  })
  afterAll(async () => {
    await server.kill()
    box.remove()
  })

  describeContract('cfssl, the real one', () => ({
    config,
    caCert: readFileSync(files.ca.cert),
    requests: () => recorded(box).length,
    csr,
    expired: addSeconds(NOW, 3651 * 86_400),
    incomplete: { ...config, caCert: box.path('nowhere.pem') },
    broken: { ...config, url: `${config.url}/elsewhere` },
  }))

  const issue = async (signal = patient()) => (await opened(config)).issue({ csr, profile: PROFILE, signal })
  const probe = async (signal = patient()) => (await opened(config)).probe(signal)

  describe('the real cfssl', () => {
    it('makes certificates that OpenSSL verifies, and revokes them', async () => {
      const made = await issue()
      if (made.outcome !== 'ok') throw new Error(made.outcome)
      writeFileSync(box.path('made.der'), made.certificate)
      box.run('x509', '-inform', 'DER', '-in', 'made.der', '-out', 'made.pem')
      expect(box.run('verify', '-CAfile', files.ca.cert, 'made.pem').toString()).toContain('OK')
      const serial = readPlainCertificate(made.certificate)!.serial
      await (await opened(config)).revoke(serial, 'superseded', patient())
      expect(recorded(box)).toContainEqual([BigInt(`0x${serial}`).toString(), 'revoked', 4])
    })

    it('is probed by a signature where it has a profile for that', async () => {
      const before = recorded(box).length
      await (await opened({ ...config, probeProfile: 'devices' })).probe(patient())
      expect(recorded(box).length).toBe(before + 1)
    })

    it('lets nobody in without the right certificate', async () => {
      const stranger = tlsLeaf(box, box.ca('stranger'), 'stranger-client', 'ra-agent')
      for (const changed of [
        { authCert: undefined, authKey: undefined },
        { authCert: stranger.cert, authKey: stranger.key },
      ])
        expect((await faultOf((await opened({ ...config, ...changed })).probe(patient()))).outcome).toBe('config-fault')
      // known, but not by this name: told over HTTP
      expect(
        (
          await faultOf(
            (await opened({ ...config, authCert: files.server.cert, authKey: files.server.key })).probe(patient()),
          )
        ).outcome,
      ).toBe('config-fault')
    })

    it('that is stopped hangs until the time is over, resumed it answers again', async () => {
      server.signal('SIGSTOP')
      const begun = performance.now()
      expect((await faultOf(probe(AbortSignal.timeout(500)))).code).toBe('ca-timeout')
      // nothing was sent, as TLS never stood: another CA may be asked
      expect((await faultOf(issue(AbortSignal.timeout(500)))).outcome).toBe('ca-fault')
      expect(performance.now() - begun).toBeLessThan(2000)
      server.signal('SIGCONT')
      await probe()
      expect((await issue()).outcome).toBe('ok')
    })

    it('that is killed refuses the connection, started again it answers', async () => {
      await server.kill()
      for (const fault of [await faultOf(probe()), await faultOf(issue())])
        expect([fault.outcome, fault.message]).toEqual(['ca-fault', expect.stringContaining('refused the connection')])
      await server.resume()
      await probe()
    })
  })
}
