/** The real CFSSL as a primary that is stopped, killed and started again, with a backup whose key is a file. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { RealCfssl } from '../../support/peers/cfssl-peer.js'
import { findProgram } from '../../support/peers/validators.js'
import { needProgram } from '../../support/processes/missing.js'
import { EnrolSite, group, issuerOf } from '../../support/sites/enrol-site.js'

const ATTEMPT_TIMEOUT = 3
const program = findProgram('cfssl')

if (program === undefined)
  it('a primary that is the real cfssl', (context) => {
    needProgram(context, 'cfssl')
  })
else {
  const site = new EnrolSite()
  let server: RealCfssl

  beforeAll(async () => {
    await site.init()
    const files = site.peerFiles('real')
    // it takes one certificate in a file and no chain
    const cert = site.box.path('real-alone.pem')
    site.box.run('x509', '-in', files.ca.cert, '-out', cert)
    server = await RealCfssl.start(program, site.box, { ...files, ca: { ...files.ca, cert } })
    const ha = `[ha]\nattempt_timeout = "${ATTEMPT_TIMEOUT}s"\ncheck_timeout = "1s"\nfailure_threshold = 2\n`
    const cas = site.remoteCa('real', 'cfssl', server.url, files, 'profile = "devices"\n') + site.fileCa('backup')
    site.configure(ha + cas + group('device', ['real', 'backup']))
  })
  afterAll(async () => {
    server.signal('SIGCONT')
    await server.kill()
    site.remove()
  })

  /** Who was asked and who served, and how long the whole process took in milliseconds. */
  const enrolled = async () => {
    const csr = site.request()
    const begun = performance.now()
    const outcome = await site.enrolFile('device', csr)
    return { by: issuerOf(outcome), asked: outcome.asked, wall: performance.now() - begun, pem: outcome.pem }
  }
  const recover = async (): Promise<void> => {
    site.moveTo((await site.member('real')).openUntil)
    await site.brine('ha', 'probe', 'real')
    expect(await site.states()).toBe('healthy healthy')
  }

  it('that is stopped costs its time until its circuit is open, and comes back by one probe', async () => {
    const well = await enrolled()
    expect([well.by, well.asked]).toEqual(['real', ['real ok']])
    server.signal('SIGSTOP')
    const first = await enrolled()
    // TLS never stood, so nothing can have been issued: the backup is asked
    expect([first.by, first.asked]).toEqual(['backup', ['real ca-fault', 'backup ok']])
    expect(first.wall - well.wall).toBeLessThan((ATTEMPT_TIMEOUT + 1) * 1000)
    expect((await site.member('real')).state).toBe('degraded')
    await enrolled()
    expect((await site.member('real')).state).toBe('circuit-open')
    const next = await enrolled()
    expect([next.by, next.asked]).toEqual(['backup', ['backup ok']])
    expect(next.wall).toBeLessThan(ATTEMPT_TIMEOUT * 1000)
    server.signal('SIGCONT')
    expect((await enrolled()).by).toBe('backup')
    await recover()
    const back = await enrolled()
    expect([back.by, back.asked]).toEqual(['real', ['real ok']])
    await site.verify('device', [well.pem, first.pem, next.pem, back.pem])
  })

  it('that is killed costs nothing, and comes back once it is started again', async () => {
    await server.kill()
    for (const state of ['degraded', 'circuit-open']) {
      const { by, asked } = await enrolled()
      expect([by, asked, (await site.member('real')).state]).toEqual(['backup', ['real ca-fault', 'backup ok'], state])
    }
    expect((await enrolled()).asked).toEqual(['backup ok'])
    await server.resume()
    await recover()
    expect((await enrolled()).asked).toEqual(['real ok'])
  })
}
