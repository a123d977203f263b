/** Certificates that run out: `status`, `--nagios`, `ha status`, metrics and `config check` say so, each at the same time. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { HaStatusReport } from '../../../src/core/app/failover/status.js'
import type { ConfigCheckReport } from '../../../src/core/app/operations/config.js'
import type { StatusReport } from '../../../src/core/app/status/report.js'
import { OpensslBox } from '../../support/peers/requests.js'
import { type RunResult, runBrine, scratchDir } from '../../support/processes/cli.js'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const box = new OpensslBox()
const scratch = scratchDir()
const dataDir = join(scratch.path, 'data')
const DAY = 86_400_000
/** Whole days before the CA certificates end. */
const at = (days: number): string => new Date(made + (400 - days) * DAY).toISOString().replace(/\.\d+/, '')
let made = 0

beforeAll(async () => {
  const [own, clients] = [box.ca('own', { days: 400 }), box.ca('clients', { days: 400 })]
  made = Date.now()
  await runBrine(['init', '--test'], { dataDir, now: at(400) })
  const remote = `[[ca]]\nid = "far"\nbackend = "cfssl"\n[ca.cfssl]\nurl = "https://127.0.0.1:9/"\nca_cert = "${own.cert}"\nauth_cert = "${clients.cert}"\nauth_key = "${clients.key}"\n`
  const file = `[[ca]]\nid = "near"\nbackend = "file"\n[ca.file]\nca_cert = "${own.cert}"\nca_key = "${own.key}"\n`
  const profile = '[[est.profile]]\nname = "month"\nvalidity = "30d"\n'
  const label = `[[est.label]]\nname = "device"\nca_id = "near"\nprofile = "month"\nauth = "certificate"\nclient_ca = "${clients.cert}"\n`
  writeFileSync(join(dataDir, 'brine.toml'), `${remote}${file}${profile}${label}`)
})
afterAll(() => {
  box.remove()
  scratch.remove()
})

const run = (days: number, ...args: string[]): Promise<RunResult> => runBrine(args, { dataDir, now: at(days) })
const concerns = async (days: number): Promise<readonly string[]> =>
  (await run(days, 'status', '--json'))
    .json<StatusReport>()
    .concerns.filter(({ code }) => /certificate|label/.test(code))
    .map(({ level, code, message }) => `${level} ${code} ${message.split(':')[0]}`)

const ALL = ['ca_cert of far', 'auth_cert of far', 'ca_cert of near', 'client_ca of device']

describe('certificates that end in', () => {
  it('a hundred days are no finding', async () => {
    expect(await concerns(100)).toEqual([])
    expect((await run(100, 'ha', 'status', '--json')).json<HaStatusReport>().certificates).toEqual([])
    expect((await run(100, 'config', 'check', '--json')).json<ConfigCheckReport>().problems).toEqual([])
  })

  it('89 days are warnings everywhere', async () => {
    expect(await concerns(89)).toEqual(ALL.map((what) => `warning certificate-expiring ${what}`))
    const ha = await run(89, 'ha', 'status', '--json')
    expect(ha.json<HaStatusReport>().certificates.map(({ level, owner }) => `${level} ${owner}`)).toEqual([
      'warning far',
      'warning far',
      'warning near',
      'warning device',
    ])
    expect((await run(89, 'ha', 'status')).stdout).toContain('ca_cert of near: O=Example,CN=own expires at')
    const { ok, problems } = (await run(89, 'config', 'check', '--json')).json<ConfigCheckReport>()
    expect([ok, problems.map(({ key }) => key)]).toEqual([
      true,
      ['ca.0.cfssl.ca_cert', 'ca.0.cfssl.auth_cert', 'ca.1.file.ca_cert', 'est.label.0.client_ca'],
    ])
    expect((await run(89, 'status', '--nagios')).code).toBe(1)
  })

  it('29 days: the profile of a label outlives its CA as well', async () => {
    expect(await concerns(29)).toEqual([
      ...ALL.map((what) => `warning certificate-expiring ${what}`),
      'warning label-outlives-ca label device',
    ])
  })

  it('6 days, and those that have ended, are critical', async () => {
    expect((await concerns(6)).filter((line) => line.startsWith('critical'))).toHaveLength(4)
    expect((await run(6, 'status', '--nagios')).code).toBe(2)
    const expired = (await run(-1, 'status', '--json')).json<StatusReport>()
    expect(expired.concerns[0]?.message).toMatch(/expired at/)
  })

  it.each([6, -1])('%i days are named by config check and ha status too', async (days) => {
    const says = days < 0 ? 'CN=own expired at' : 'CN=own expires at'
    const { ok, problems } = (await run(days, 'config', 'check', '--json')).json<ConfigCheckReport>()
    const own = problems.flatMap(({ key, level, message }) => (message.includes(says) ? [`${level} ${key}`] : []))
    expect([ok, own]).toEqual([true, ['warning ca.0.cfssl.ca_cert', 'warning ca.1.file.ca_cert']])
    const { certificates } = (await run(days, 'ha', 'status', '--json')).json<HaStatusReport>()
    expect(certificates.filter(({ message }) => message.includes(says)).map(({ level }) => level)).toEqual([
      'critical',
      'critical',
    ])
  })

  it('any time are metrics', async () => {
    const [prom, ha] = [join(scratch.path, 'a.prom'), join(scratch.path, 'b.prom')]
    await run(6, 'status', '--prom', prom)
    await run(6, 'ha', 'status', '--prom', ha)
    const text = readFileSync(prom, 'utf8')
    for (const labels of [
      'use="ca_cert",owner="near"',
      'use="auth_cert",owner="far"',
      'use="client_ca",owner="device"',
      'use="https",owner=""',
    ])
      expect(text).toMatch(new RegExp(`brine_certificate_not_after_timestamp_seconds\\{${labels}\\} \\d+`))
    expect(readFileSync(ha, 'utf8')).toContain('brine_ha_certificates_expiring{level="critical"} 4')
  })
})

it('the HTTPS certificate of init is one of them', async () => {
  const { certificates } = (await run(400, 'status', '--json')).json<StatusReport>()
  const { notAfter = '' } = certificates.find(({ use }) => use === 'https') ?? {}
  const days = Math.round((Date.parse(notAfter) - made) / DAY)
  expect(await concerns(400 - days + 29)).toContain('warning certificate-expiring https')
  expect(await concerns(400 - days + 31)).not.toContain('warning certificate-expiring https')
  expect(await concerns(400 - days + 6)).toContain('critical certificate-expiring https')
})
