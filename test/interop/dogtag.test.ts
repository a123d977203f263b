/**
 * A real Dogtag: BRINE_DOGTAG is a folder with `agent.pem`, `agent.key` and `ca.pem` of one that listens on https://localhost:18443
 * (BRINE_DOGTAG_URL for another place). Without it the test skips.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, test } from 'vitest'
import type { Instant } from '../../src/core/base/time.js'
import { systemRandom } from '../../src/core/crypto/random.js'
import { BUILT_IN_PROFILES, type CertificateProfile } from '../../src/core/pki/profile.js'
import { describeDogtag } from '../support/peers/dogtag-contract.js'
import { OpensslBox } from '../support/peers/requests.js'

const folder = process.env['BRINE_DOGTAG'] ?? ''
const url = process.env['BRINE_DOGTAG_URL'] ?? 'https://localhost:18443'
const status = ['--silent', '--max-time', '10', '--insecure', `${url}/ca/admin/ca/getStatus`]
const missing =
  folder === ''
    ? 'BRINE_DOGTAG names no folder with agent.pem, agent.key and ca.pem'
    : !existsSync(join(folder, 'agent.pem'))
      ? `${folder}/agent.pem does not exist`
      : /running/.test(spawnSync('curl', status, { encoding: 'utf8' }).stdout)
        ? undefined
        : `no Dogtag runs at ${url}`

if (missing === undefined) real()
else
  test('a real Dogtag', (context) => {
    if (process.env['BRINE_REQUIRE_DOGTAG'] === '1') throw new Error(`BRINE_REQUIRE_DOGTAG=1, missing: ${missing}`)
    process.stdout.write(`skipped: a real Dogtag: ${missing}\n`)
    context.skip(missing)
  })

function real(): void {
  const box = new OpensslBox()
  const now = (): Instant => new Date().toISOString().replace(/\.\d+/, '') as Instant
  afterAll(() => box.remove())
  describe('a real Dogtag', () => {
    describeDogtag('a real Dogtag', () => ({
      box,
      profile: BUILT_IN_PROFILES.find(({ name }) => name === 'deviceCert') as CertificateProfile,
      ports: { clock: { now }, random: systemRandom, lockFolder: join(tmpdir(), 'brine-dogtag-locks') },
      config: {
        backend: 'dogtag',
        url,
        caCert: join(folder, 'ca.pem'),
        tlsCa: undefined,
        authCert: join(folder, 'agent.pem'),
        authKey: join(folder, 'agent.key'),
        profile: undefined,
        autoApprove: false,
        probeProfile: undefined,
      },
    }))
  })
}
