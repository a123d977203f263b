/** Groups of CAs whose keys are files, through the program: probed, broken, mended, drained, shown. */
import { chmodSync, cpSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { HaStatusReport } from '../../../src/core/app/failover/status.js'
import { OpensslBox } from '../../support/peers/requests.js'
import { runBrine } from '../../support/processes/cli.js'

const box = new OpensslBox()
const base = mkdtempSync(join(tmpdir(), 'brine-ha-'))
let data = ''
let n = 0
let minutes = 0

/** Minutes after the CAs were made: their certificates are valid from then on. */
const START = Math.floor(Date.now() / 60_000) * 60_000 + 60_000
const instant = (after: number): string => new Date(START + after * 60_000).toISOString().replace('.000', '')

/** `[[ca]]` of a key file, and the group and label over them. */
function config(ids: readonly string[], group = ''): string {
  const cas = ids.map(
    (id) =>
      `[[ca]]\nid = "${id}"\nbackend = "file"\n[ca.file]\nca_cert = "${box.path(`${id}.pem`)}"\nca_key = "${box.path(`${id}.key`)}"\n`,
  )
  const members = ids.map((id) => `"${id}"`).join(', ')
  return `${cas.join('')}[[ha.group]]\nname = "production"\nca_ids = [${members}]\n${group}[[est.label]]\nname = "device"\nca_id = "${ids[0]}"\nprofile = "deviceCert"\n`
}

beforeAll(async () => {
  for (const id of ['one', 'two', 'three']) {
    const { key } = box.ca(id)
    renameSync(key, box.path(`${id}.key`))
    chmodSync(box.path(`${id}.key`), 0o600)
  }
  await runBrine(['init', '--test'], { dataDir: join(base, 'fresh'), now: instant(0) })
}, 60_000)
afterAll(() => {
  box.remove()
  rmSync(base, { recursive: true, force: true })
})
beforeEach(() => {
  n += 1
  minutes = 0
  data = join(base, `data-${n}`)
  cpSync(join(base, 'fresh'), data, { recursive: true })
  writeFileSync(join(data, 'brine.toml'), config(['one', 'two']))
})

const at = (): string => instant(1 + minutes)
const brine = (...args: readonly string[]) => runBrine(args, { dataDir: data, now: at() })
const status = async (): Promise<HaStatusReport> => (await brine('ha', 'status', '--json')).json<HaStatusReport>()
const states = async (): Promise<readonly string[]> => (await status()).groups[0]?.members.map((m) => m.state) ?? []
/** The key of a CA goes, or comes back. */
const lose = (id: string): void => renameSync(box.path(`${id}.pem`), box.path(`${id}.lost`))
const find = (id: string): void => renameSync(box.path(`${id}.lost`), box.path(`${id}.pem`))

describe('ha probe', () => {
  it('says nothing of healthy CAs, writes no history for them, and asks each when its interval has passed', async () => {
    const first = await brine('ha', 'probe')
    expect([first.code, first.stdout, first.stderr]).toEqual([0, '', ''])
    const again = (await brine('ha', 'probe', '--json')).json<{ probed: unknown[]; skipped: { why: string }[] }>()
    expect([again.probed.length, again.skipped.map((s) => s.why.slice(0, 6))]).toEqual([0, ['due at', 'due at']])
    minutes += 1
    const due = (await brine('ha', 'probe', '--json')).json<{ probed: { outcome: string }[] }>()
    expect(due.probed.map((p) => p.outcome)).toEqual(['ok', 'ok'])
    expect((await brine('history', 'list', 'ha/0', '--json')).stdout).not.toContain('probes')
  })

  it('opens the circuit of a CA whose files are gone at once, and closes it by itself or by a resume that passes', async () => {
    lose('one')
    try {
      const found = await brine('ha', 'probe')
      expect(found.code).toBe(0)
      expect(found.stdout).toMatch(/one: healthy -> circuit-open until \d{4}-/)
      expect(await states()).toEqual(['circuit-open', 'healthy'])
      expect((await status()).groups[0]?.next).toBe('two')
      const early = await brine('ha', 'probe', '--now', '--json')
      expect(early.stdout).toMatch(/"why": ?"open until \d{4}-/)
      minutes += 2
      const again = (await brine('ha', 'probe', '--json')).json<{ probed: { ca: string; outcome: string }[] }>()
      expect(again.probed.find(({ ca }) => ca === 'one')?.outcome).toBe('config-fault')
      const refused = await brine('ha', 'resume', 'one')
      expect([refused.code, refused.stderr]).toEqual([15, expect.stringContaining('probe of one failed')])
      expect(await states()).toEqual(['circuit-open', 'healthy'])
    } finally {
      find('one')
    }
    const back = await brine('ha', 'resume', 'one')
    expect([back.code, back.stdout]).toEqual([0, 'one is back in service\n'])
    expect(await states()).toEqual(['healthy', 'healthy'])
    expect((await brine('history', 'list', 'ha/0')).stdout).toContain('resume.finish')
    lose('one')
    minutes += 1
    expect((await brine('ha', 'probe')).stdout).toContain('one: healthy -> circuit-open')
    find('one')
    minutes += 2
    expect((await brine('ha', 'probe')).stdout).toContain('one: recovering -> healthy')
    expect(await states()).toEqual(['healthy', 'healthy'])
    expect((await brine('audit', 'verify')).code).toBe(0)
  })

  it('exits 1 with --fail-on when it is as bad, and 2 for a CA that nobody configured', async () => {
    lose('two')
    try {
      expect((await brine('ha', 'probe', '--fail-on', 'down')).code).toBe(0)
      expect((await brine('ha', 'status', '--fail-on', 'open')).code).toBe(1)
      expect((await brine('ha', 'probe', '--fail-on', 'degraded')).code).toBe(1)
    } finally {
      find('two')
    }
    const unknown = await brine('ha', 'probe', 'nine')
    expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('unknown CA "nine"')])
    writeFileSync(join(data, 'brine.toml'), '')
    expect((await brine('ha', 'probe')).code).toBe(2)
  })

  it('that run at the same time ask each CA once', async () => {
    const runs = await Promise.all(Array.from({ length: 6 }, async () => brine('ha', 'probe', '--json')))
    const asked = runs.flatMap((run) => run.json<{ probed: { ca: string }[] }>().probed.map((p) => p.ca))
    expect(asked.sort()).toEqual(['one', 'two'])
  }, 60_000)
})

describe('ha drain and resume', () => {
  it('keeps a CA out with its reason, asks before the last one, and gives it back', async () => {
    const planned = await brine('ha', 'drain', 'one', '--reason', 'new firmware', '--for', '2h', '--dry-run')
    const drained = await brine('ha', 'drain', 'one', '--reason', 'new firmware', '--for', '2h')
    for (const { stdout } of [planned, drained]) {
      expect(stdout).toMatch(/^~ +CA +one +healthy -> drained until 2/m)
      expect(stdout).toMatch(/^~ +group +production +one, two -> two$/m)
    }
    expect([drained.code, drained.stdout]).toEqual([
      0,
      expect.stringContaining(`one is drained until ${instant(121).slice(0, 15)}`),
    ])
    const [group] = (await status()).groups
    expect([group?.verdict, group?.next, group?.members[0]?.why]).toEqual(['degraded', 'two', 'drained: new firmware'])
    const last = await brine('ha', 'drain', 'two', '--reason', 'both')
    expect([last.code, last.stderr]).toEqual([
      2,
      expect.stringContaining('two is the last available CA in group production'),
    ])
    const out = await brine('ha', 'drain', 'two', '--reason', 'both', '--yes')
    expect([out.code, out.stdout]).toEqual([
      0,
      expect.stringMatching(/^~ +group +production +two -> no CA can serve$/m),
    ])
    expect((await status()).groups[0]?.verdict).toBe('down')
    expect((await brine('ha', 'resume', 'two')).stdout).toBe('two is back in service\n')
    minutes += 121
    expect((await status()).groups[0]?.next).toBe('one')
  })

  it('needs a reason, which is recorded in history', async () => {
    const refused = await brine('ha', 'drain', 'one')
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('--reason is required')])
    await brine('ha', 'drain', 'one', '--reason', 'new firmware')
    expect((await brine('history', 'show', 'ha/0', '1')).stdout).toContain('new firmware')
  })
})

describe('tick', () => {
  it('probes the CAs that are due, and tells what changed', async () => {
    lose('two')
    try {
      expect((await brine('tick')).stdout).toContain('ha: two: healthy -> circuit-open')
      expect((await brine('tick')).stdout).not.toContain('two')
    } finally {
      find('two')
    }
    expect((await status()).groups[0]?.members.map((m) => m.lastProbe !== null)).toEqual([true, true])
  })
})

describe('config check', () => {
  it('warns of files that are not there and of groups without a common root, with their lines', async () => {
    lose('two')
    try {
      const checked = await brine('config', 'check')
      expect(checked.code).toBe(0)
      expect(checked.stdout + checked.stderr).toMatch(/11.*two\.pem does not exist/)
    } finally {
      find('two')
    }
    const roots = await brine('config', 'check')
    expect(roots.stdout).toContain('OK: 0 settings changed from default, 2 enrolment CAs')
    expect(roots.stdout + roots.stderr).toMatch(/15.*do not share a root/)
  })
})

describe('ha status', () => {
  it('is a pure read that says who serves next, and writes metrics whole', async () => {
    await brine('ha', 'probe')
    const before = statSync(join(data, 'status')).mtimeMs
    const shown = await brine('ha', 'status', '--prom', join(base, 'ha.prom'))
    expect(shown.stdout).toContain('the next request goes to one')
    expect(statSync(join(data, 'status')).mtimeMs).toBe(before)
    const metrics = readFileSync(join(base, 'ha.prom'), 'utf8')
    expect(metrics).toContain('brine_ha_ca_state{group="production",ca="one",state="healthy"} 1')
    expect(metrics).toContain('brine_ha_group_eligible{group="production"} 2')
  })
})

describe('ha simulate', () => {
  it('follows the rules of production and writes nothing', async () => {
    writeFileSync(join(data, 'brine.toml'), config(['one', 'two', 'three'], 'strategy = "round-robin"\n'))
    const before = (await brine('audit', 'digest')).stdout
    const even = (await brine('ha', 'simulate', 'device', '-n', '99', '--json')).json<{
      served: { requests: number }[]
    }>()
    expect(even.served.map((s) => s.requests)).toEqual([33, 33, 33])
    const failing = (await brine('ha', 'simulate', 'device', '-n', '100', '--fail', 'two@10..40', '--json')).json<{
      served: { requests: number }[]
      refused: number
      failovers: number
      timeline: { ca: string; to: string }[]
    }>()
    expect([failing.refused, failing.failovers]).toEqual([0, 3])
    expect(failing.timeline.map((t) => `${t.ca} ${t.to}`)).toEqual(['two degraded', 'two circuit-open', 'two healthy'])
    expect((await brine('audit', 'digest')).stdout).toBe(before)
  })

  it('takes weights in the place of the configured ones, and refuses what is no scenario', async () => {
    writeFileSync(
      join(data, 'brine.toml'),
      config(['one', 'two'], 'strategy = "weighted"\nweights = { "one" = 100, "two" = 0 }\n'),
    )
    const run = async (...more: string[]) =>
      (await brine('ha', 'simulate', 'device', '--json', ...more)).json<{ served: { requests: number }[] }>()
    expect((await run()).served.map((s) => s.requests)).toEqual([100, 0])
    expect((await run('--weights', 'one=80,two=20')).served.map((s) => s.requests)).toEqual([80, 20])
    for (const bad of [
      ['--fail', 'one'],
      ['--weights', 'one'],
      ['--latency', 'one=3'],
      ['--fail', 'nine@1..2'],
    ])
      expect((await brine('ha', 'simulate', 'device', ...bad)).code).toBe(2)
    expect((await brine('ha', 'simulate', 'nope')).code).toBe(2)
  })
})
