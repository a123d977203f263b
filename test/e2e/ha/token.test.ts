/** A CA whose key lies in a token, through the program: probed, its PIN wrong, corrected, and asked by many processes at once. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { HaStatusReport, MemberStatus } from '../../../src/core/app/failover/status.js'
import { OpensslBox } from '../../support/peers/requests.js'
import { SoftHsm } from '../../support/peers/softhsm.js'
import { absentForTokens, buildShim, ShimmedHsm } from '../../support/peers/token-program.js'
import { runBrine } from '../../support/processes/cli.js'
import { missing } from '../../support/processes/missing.js'

const box = new OpensslBox()
const base = mkdtempSync(join(tmpdir(), 'brine-token-'))
const absent = absentForTokens()
const shim = absent === undefined ? buildShim(box.dir) : undefined
afterAll(() => {
  box.remove()
  rmSync(base, { recursive: true, force: true })
})

if (shim === undefined)
  it('probes a CA in a token', (context) => {
    missing(context, absent ?? 'cc')
  })
else
  describe('a CA in a token', () => {
    const data = join(base, 'data')
    const hsm = new SoftHsm(box)
    const shimmed = new ShimmedHsm(shim, box.dir)
    const { cert, key } = box.ca('hsm')
    const pin = hsm.pinFile('pin', '9753135')
    const env = Object.fromEntries(
      ['SOFTHSM2_CONF', 'SHIM_MODULE', 'SHIM_DIR'].map((name) => [name, process.env[name] ?? '']),
    )
    let now = Math.floor(Date.now() / 1000) + 60
    const brine = (...args: readonly string[]) =>
      runBrine(args, { dataDir: data, now: new Date(now * 1000).toISOString().replace('.000', ''), env })
    const member = async (): Promise<MemberStatus> => {
      const [group] = (await brine('ha', 'status', '--json')).json<HaStatusReport>().groups
      if (group?.members[0] === undefined) throw new Error('no member')
      return group.members[0]
    }

    beforeAll(async () => {
      hsm.token('brine')
      hsm.put('brine', key, 'ca', '01')
      await brine('init', '--test')
      const table = `module = "${shim}"\nuri = "pkcs11:token=brine;object=ca"\npin_file = "${pin}"\nca_cert = "${cert}"\n`
      const label = '[[est.label]]\nname = "device"\nca_id = "hsm"\nprofile = "deviceCert"\n'
      const ca = `[[ca]]\nid = "hsm"\nbackend = "pkcs11"\n[ca.pkcs11]\n${table}`
      writeFileSync(join(data, 'brine.toml'), `${ca}[[ha.group]]\nname = "g"\nca_ids = ["hsm"]\n${label}`)
      for (let n = 0; n < 6; n++) writeFileSync(box.path(`${n}.csr`), box.request({ subject: `/CN=device-${n}` }))
    })

    it('is asked with a wrong PIN once, however often and by however many it is probed', async () => {
      const first = await Promise.all(Array.from({ length: 4 }, () => brine('ha', 'probe', '--now')))
      expect(first.map((run) => run.stdout).join('')).toContain('hsm: healthy -> circuit-open until brine ha resume')
      for (let n = 0; n < 3; n++) {
        now += 3600
        await brine('ha', 'probe', '--now')
        await brine('tick')
        expect((await brine('est', 'enroll', 'device', '--csr', box.path('0.csr'))).code).toBe(16)
      }
      const refused = await brine('ha', 'resume', 'hsm')
      expect([refused.code === 0, refused.stderr]).toEqual([false, expect.stringContaining('PIN was refused before')])
      expect(shimmed.calls('C_Login')).toBe(1)
      expect((await member()).state).toBe('circuit-open')
      const told = await brine('history', 'list', 'ha/0', '--json')
      expect(first.map((run) => run.stdout + run.stderr).join('') + told.stdout).not.toContain('9753135')
    })

    it('is in use again when the PIN was corrected and the operator said so', async () => {
      hsm.pinFile('pin')
      const resumed = await brine('ha', 'resume', 'hsm')
      expect([resumed.code, resumed.stderr]).toEqual([0, ''])
      expect((await member()).state).toBe('healthy')
    })

    it('answers many processes, one after the other', async () => {
      for (let n = 0; n < 3; n++) {
        now += 60
        const runs = await Promise.all(Array.from({ length: 4 }, () => brine('ha', 'probe', '--now', '--json')))
        const outcomes = runs.flatMap((run) => run.json<{ probed: { outcome: string }[] }>().probed)
        expect(outcomes.every(({ outcome }) => outcome === 'ok')).toBe(true)
        expect(outcomes.length).toBeGreaterThan(0)
      }
      expect((await member()).state).toBe('healthy')
      expect(readdirSync(join(data, 'locks')).filter((name) => name.endsWith('.lock'))).toHaveLength(1)
      expect((await brine('audit', 'verify')).code).toBe(0)
    })

    it('signs for many processes at once, each certificate a good one', async () => {
      const enroll = (n: number) => brine('est', 'enroll', 'device', '--csr', box.path(`${n}.csr`), '--json')
      const runs = await Promise.all(Array.from({ length: 6 }, (_, n) => enroll(n)))
      expect(runs.map((run) => run.code)).toEqual(runs.map(() => 0))
      for (const run of runs) {
        writeFileSync(box.path('made.pem'), run.json<{ pem: string }>().pem)
        expect(box.run('verify', '-no_check_time', '-CAfile', cert, 'made.pem').toString()).toContain('OK')
      }
    })

    it('that hangs is given up at check_timeout', async () => {
      shimmed.fail('C_Sign hang')
      now += 60
      const begun = performance.now()
      const run = await brine('ha', 'probe', '--json')
      expect(run.json<{ probed: { outcome: string }[] }>().probed[0]?.outcome).toBe('ca-fault')
      expect(performance.now() - begun).toBeLessThan(9000)
      shimmed.fail()
    })

    it('leaves no process at a token that hangs when it is killed itself', async () => {
      shimmed.fail('C_Sign hang')
      shimmed.forget()
      const bin = join(import.meta.dirname, '../../../bin/run.js')
      const own = { ...env, PATH: process.env['PATH'] ?? '', HOME: tmpdir(), BRINE_DATA_DIR: data }
      const child = spawn(process.execPath, [bin, 'est', 'enroll', 'device', '--csr', box.path('0.csr')], {
        env: { ...own, BRINE_NOW: new Date((now + 60) * 1000).toISOString().replace('.000', '') },
        stdio: 'ignore',
      })
      await expect.poll(() => shimmed.hanging(), { interval: 5, timeout: 20_000 }).toBeDefined()
      const pid = shimmed.hanging() ?? 0
      child.kill('SIGKILL')
      const lives = (): boolean => existsSync(`/proc/${pid}/cmdline`) && readFileSync(`/proc/${pid}/cmdline`).length > 0
      expect(lives()).toBe(true)
      await expect.poll(lives, { interval: 50, timeout: 10_000 }).toBe(false)
      shimmed.fail()
    })
  })
