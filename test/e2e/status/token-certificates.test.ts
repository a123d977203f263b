/** The certificate of a CA whose key lies in a token runs out: `status` and the others say so, and do not log in to the token for it. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it, vi } from 'vitest'
import type { HaStatusReport } from '../../../src/core/app/failover/status.js'
import type { ConfigCheckReport } from '../../../src/core/app/operations/config.js'
import type { StatusReport } from '../../../src/core/app/status/report.js'
import { OpensslBox } from '../../support/peers/requests.js'
import { SoftHsm } from '../../support/peers/softhsm.js'
import { absentForTokens, SOFTHSM } from '../../support/peers/token-program.js'
import { type RunResult, runBrine, scratchDir } from '../../support/processes/cli.js'
import { missing } from '../../support/processes/missing.js'

vi.setConfig({ testTimeout: 60_000 })

const DAY = 86_400_000
const box = new OpensslBox()
const scratch = scratchDir()
const absent = absentForTokens()
afterAll(() => {
  box.remove()
  scratch.remove()
})

it('a pkcs11 CA warns at 90 days and is critical at 7, also if its token is away', async (context) => {
  if (absent !== undefined) return missing(context, absent)
  const hsm = new SoftHsm(box)
  hsm.token('brine')
  const { cert, key } = box.ca('hsm', { days: 400 })
  hsm.put('brine', key, 'ca', '01')
  const made = Date.now()
  const dataDir = join(scratch.path, 'data')
  const env = { SOFTHSM2_CONF: process.env['SOFTHSM2_CONF'] ?? '' }
  const run = (days: number, ...args: string[]): Promise<RunResult> =>
    runBrine(args, { dataDir, env, now: new Date(made + (400 - days) * DAY).toISOString().replace(/\.\d+/, '') })
  await run(400, 'init', '--test')
  const table = `module = "${SOFTHSM}"\nuri = "pkcs11:token=brine;object=ca"\npin_file = "${hsm.pinFile('pin')}"\nca_cert = "${cert}"\n`
  const label = '[[est.label]]\nname = "device"\nca_id = "hsm"\nprofile = "deviceCert"\n'
  writeFileSync(
    join(dataDir, 'brine.toml'),
    `[[ca]]\nid = "hsm"\nbackend = "pkcs11"\n[ca.pkcs11]\n${table}[[ha.group]]\nname = "g"\nca_ids = ["hsm"]\n${label}`,
  )
  const csr = box.path('device.csr')
  writeFileSync(csr, box.request({ subject: '/CN=device' }))
  const enrolled = await run(399, 'est', 'enroll', 'device', '--csr', csr, '--json')
  expect(enrolled.code, enrolled.stdout).toBe(0)
  // a token that is away has no effect on what its certificate says
  rmSync(join(hsm.dir, 'tokens'), { recursive: true })
  const concerns = async (days: number): Promise<readonly string[]> =>
    (await run(days, 'status', '--json'))
      .json<StatusReport>()
      .concerns.filter(({ code }) => code === 'certificate-expiring')
      .map(({ level, message }) => `${level} ${message.split(':')[0]}`)
  expect(await concerns(91)).toEqual([])
  expect(await concerns(89)).toEqual(['warning ca_cert of hsm'])
  expect(await concerns(6)).toEqual(['critical ca_cert of hsm'])
  expect((await run(6, 'status', '--nagios')).code).toBe(2)
  const ha = (await run(6, 'ha', 'status', '--json')).json<HaStatusReport>()
  expect(ha.certificates).toMatchObject([
    { level: 'critical', owner: 'hsm' },
    // its profile is a year
    { level: 'warning', owner: 'device' },
  ])
  const { problems } = (await run(6, 'config', 'check', '--json')).json<ConfigCheckReport>()
  expect(problems.map((p) => p.key)).toContain('ca.0.pkcs11.ca_cert')
})
