/** `brine keyroll`: a roll from its start to the end of the old private key, what is refused, and what other commands show of it. */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { KeyrollReport, KeyrollStatusReport } from '../../../src/core/app/authority/keyroll.js'
import type { TickReport } from '../../../src/core/app/operations/tick.js'
import type { StatusReport } from '../../../src/core/app/status/report.js'
import { copyDir, runBrine } from '../../support/processes/cli.js'
import { copySeed } from '../../support/sites/seeds.js'
import { brineOk, newTestbed, scratchFolder } from '../../support/sites/testbed.js'

const NOW = '2026-11-21T00:00:00Z'
const NEXT_DAY = '2026-11-22T01:00:00Z'
const DAY_AFTER = '2026-11-23T02:00:00Z'
const scratch = scratchFolder('keyroll')
/** A CA `acme` with a ROA and a child; none is rolling. */
const still = join(scratch.dir, 'still')
/** The same with a staged key that tick activates after a day. */
const staged = join(scratch.dir, 'staged')
let copies = 0

function copyOf(base: string): string {
  copies += 1
  const dir = join(scratch.dir, `copy-${copies}`)
  copyDir(base, dir)
  return dir
}

const run = (dataDir: string, args: readonly string[], now = NOW) => runBrine(args, { dataDir, now })
const vrps = async (dataDir: string) => (await brineOk<{ roas: unknown[] }>(dataDir, ['roa', 'list', 'acme'], NOW)).roas
const skis = ({ rolls }: Pick<KeyrollReport, 'rolls'>) => rolls.flatMap(({ keys }) => keys.map(({ ski }) => ski))

async function makeStill(dir: string): Promise<void> {
  await newTestbed(dir, NOW)
  await brineOk(dir, ['ca', 'add', 'acme', '--under', 'testbed', '--resources', '192.0.2.0/24,10.0.0.0/8'], NOW)
  await brineOk(dir, ['ca', 'add', 'sub', '--under', 'acme', '--resources', '10.1.0.0/16'], NOW)
  await brineOk(dir, ['roa', 'add', 'acme', '192.0.2.0/24 => 64496'], NOW)
}

beforeAll(async () => {
  await copySeed('keyroll', still, makeStill, { pool: true })
  copyDir(still, staged)
  await brineOk(staged, ['keyroll', 'init', 'acme', '--activate-after', '1d'], NOW)
}, 120_000)
afterAll(scratch.remove)

describe('a roll that tick completes', () => {
  it('is staged, activated a day later, and ends with the old key destroyed', async () => {
    const dataDir = copyOf(staged)
    const before = await brineOk<KeyrollStatusReport>(dataDir, ['keyroll', 'status', 'acme'], NOW)
    const [old = '', next = ''] = skis(before)
    expect(before.rolls[0]).toMatchObject({ stage: 'staging', compromised: false, lacking: null, oneTimeKeys: 3 })
    expect(before.rolls[0]?.activatesAt).toMatch(/^2026-11-22T00:00:/)

    const early = await brineOk<TickReport>(dataDir, ['tick'], '2026-11-21T23:00:00Z')
    expect(early.done.filter(({ what }) => what === 'keyroll')).toEqual([])
    const done = await brineOk<TickReport>(dataDir, ['tick'], NEXT_DAY)
    expect(done.done).toContainEqual({ what: 'keyroll', on: 'acme class 0' })
    const after = await brineOk<KeyrollStatusReport>(dataDir, ['keyroll', 'status', 'acme'], NEXT_DAY)
    expect(after.rolls[0]?.stage).toBe('none')
    expect(skis(after)).toEqual([next])
    expect(after.retired.map(({ ski }) => ski)).toEqual([old])
    expect(existsSync(join(dataDir, 'keys', old))).toBe(true)
    const shown = await brineOk<StatusReport>(dataDir, ['status'], NEXT_DAY)
    expect([shown.keyRolls, shown.orphanKeys, shown.retiredKeys.length]).toEqual([[], [], 1])

    const last = await brineOk<TickReport>(dataDir, ['tick'], DAY_AFTER)
    expect(last.done).toContainEqual({ what: 'key-destroyed', on: `acme ${old}` })
    expect(existsSync(join(dataDir, 'keys', old))).toBe(false)
    const history = (await run(dataDir, ['history', 'list', 'ca/acme'], DAY_AFTER)).stdout
    expect(history).toMatch(new RegExp(`keys\\.destroy +private key ${old}`))
    expect(history).toContain('every class activated 1d after staging')
    expect((await run(dataDir, ['audit', 'verify'], DAY_AFTER)).code).toBe(0)
    expect(await vrps(dataDir)).toMatchObject([{ roa: '192.0.2.0/24-24 => 64496', state: 'published' }])
  })

  it('is destroyed in history too where the file was removed by a command that died', async () => {
    const dataDir = copyOf(staged)
    await brineOk(dataDir, ['tick'], NEXT_DAY)
    const { retired } = await brineOk<KeyrollStatusReport>(dataDir, ['keyroll', 'status', 'acme'], NEXT_DAY)
    rmSync(join(dataDir, 'keys', retired[0]?.ski ?? ''))
    expect((await run(dataDir, ['audit', 'verify'], NEXT_DAY)).code).toBe(0)
    const last = await brineOk<TickReport>(dataDir, ['tick'], DAY_AFTER)
    expect(last.done).toContainEqual({ what: 'key-destroyed', on: `acme ${retired[0]?.ski}` })
    const after = await brineOk<KeyrollStatusReport>(dataDir, ['keyroll', 'status', 'acme'], DAY_AFTER)
    expect(after.retired).toEqual([])
  })

  it('is shown by status, with the pool that it needs', async () => {
    const text = (await run(staged, ['status'])).stdout
    expect(text).toMatch(/key roll +acme class 0: staged, tick activates it at 2026-11-22T00:00:/)
    const metrics = join(scratch.dir, 'metrics')
    await run(staged, ['status', '--prom', metrics])
    expect(readFileSync(metrics, 'utf8')).toMatch(/^brine_key_rolls 1$/m)
    expect((await run(staged, ['keyroll', 'status'])).stdout).toMatch(/of the 3 that activation needs/)
    expect((await run(still, ['keyroll', 'status'])).stdout).toBe('no key roll is open\n')
  })
})

describe('a roll that the operator activates', () => {
  it('waits for a day, asks, and names what follows in a dry run', async () => {
    const dataDir = copyOf(still)
    const started = await run(dataDir, ['keyroll', 'init', 'acme'])
    expect(started.stdout).toMatch(/acme class 0: staged, to be activated from 2026-11-22T00:00:/)
    const early = await run(dataDir, ['keyroll', 'activate', 'acme', '--yes'])
    expect([early.code, early.stderr]).toEqual([1, expect.stringMatching(/staged until 2026-11-22T00:00:.*--now/)])
    const asked = await run(dataDir, ['keyroll', 'activate', 'acme'], NEXT_DAY)
    expect([asked.code, asked.stderr]).toEqual([2, expect.stringContaining('--yes')])
    const dry = await brineOk<KeyrollReport>(dataDir, ['keyroll', 'activate', 'acme', '--dry-run'], NEXT_DAY)
    expect(dry.changes.filter(({ item }) => item === 'key').map(({ before, after }) => [before, after])).toEqual([
      ['current', null],
      ['new', 'current'],
    ])
    const tick = await brineOk<TickReport>(dataDir, ['tick'], NEXT_DAY)
    expect(tick.done.map(({ what }) => what)).not.toContain('keyroll')
    const done = await brineOk<KeyrollReport>(dataDir, ['keyroll', 'activate', 'acme', '--yes'], NEXT_DAY)
    expect(done.rolls.map(({ stage }) => stage)).toEqual(['none'])
    expect(done.retired).toHaveLength(1)
    // the files of the products kept their names: replaced, not withdrawn
    const products = done.changes.filter(({ item, name }) => item === 'object' && /acme\/0\/.*\.(roa|cer)$/.test(name))
    expect(products.map(({ change }) => change)).toEqual(['update', 'update'])
  })

  it('needs no wait with --now, and none where the key is compromised', async () => {
    const dataDir = copyOf(staged)
    const done = await brineOk<KeyrollReport>(dataDir, ['keyroll', 'activate', 'acme', '--now', '--yes'], NOW)
    expect(done.rolls[0]?.stage).toBe('none')
    const again = await brineOk<KeyrollReport>(dataDir, ['keyroll', 'init', 'acme', '--compromised'], NOW)
    expect([again.rolls[0]?.stage, again.retired.length]).toEqual(['none', 2])
    expect(await vrps(dataDir)).toMatchObject([{ state: 'published' }])
  })

  it('also replaces a key whose file is lost', async () => {
    const dataDir = copyOf(still)
    const [old = ''] = skis(await brineOk<KeyrollStatusReport>(dataDir, ['keyroll', 'status', 'acme'], NOW))
    rmSync(join(dataDir, 'keys', old))
    expect((await run(dataDir, ['republish', 'acme', '--now'])).code).toBe(3)
    await brineOk(dataDir, ['keyroll', 'init', 'acme', '--compromised'], NOW)
    expect((await run(dataDir, ['republish', 'acme', '--now'])).code).toBe(0)
    expect((await run(dataDir, ['audit', 'verify'])).code).toBe(0)
    expect(await vrps(dataDir)).toMatchObject([{ state: 'published' }])
  })
})

describe('a roll that is cancelled', () => {
  it('revokes the staged key, and its private half is destroyed a day later', async () => {
    const dataDir = copyOf(staged)
    const [current = '', next = ''] = skis(
      await brineOk<KeyrollStatusReport>(dataDir, ['keyroll', 'status', 'acme'], NOW),
    )
    const dry = await brineOk<KeyrollReport>(dataDir, ['keyroll', 'cancel', 'acme', '--dry-run'], NOW)
    expect(dry.changes.filter(({ item }) => item === 'key').map(({ before, after }) => [before, after])).toEqual([
      ['new', null],
    ])
    const text = (await run(dataDir, ['keyroll', 'cancel', 'acme', '--reason', 'not now'])).stdout
    expect(text).toMatch(new RegExp(`acme: retired key ${next}, destroyed by tick from 2026-11-22T00:00:`))
    const after = await brineOk<KeyrollStatusReport>(dataDir, ['keyroll', 'status', 'acme'], NOW)
    expect([after.rolls.map(({ stage }) => stage), skis(after)]).toEqual([['none'], [current]])
    expect(existsSync(join(dataDir, 'keys', next))).toBe(true)
    const done = await brineOk<TickReport>(dataDir, ['tick'], NEXT_DAY)
    expect(done.done).toContainEqual({ what: 'key-destroyed', on: `acme ${next}` })
    expect(done.done.map(({ what }) => what)).not.toContain('keyroll')
    expect(existsSync(join(dataDir, 'keys', next))).toBe(false)
    expect((await run(dataDir, ['history', 'list', 'ca/acme'], NEXT_DAY)).stdout).toMatch(
      /keyroll\.cancel +every class/,
    )
    expect((await run(dataDir, ['audit', 'verify', '--full'], NEXT_DAY)).code).toBe(0)
    expect(await vrps(dataDir)).toMatchObject([{ state: 'published' }])
  })

  it('is refused after the activation, with the way on', async () => {
    const dataDir = copyOf(staged)
    await brineOk(dataDir, ['keyroll', 'activate', 'acme', '--now', '--yes'], NOW)
    const ran = await run(dataDir, ['keyroll', 'cancel', 'acme'])
    expect([ran.code, ran.stderr]).toEqual([1, expect.stringMatching(/acme has no key roll\n.*keyroll status acme/)])
  })
})

describe('what is refused', () => {
  it.each([
    ['a second roll', ['init', 'acme'], 1, 'a key roll is open already'],
    ['another class', ['init', 'acme', '--class', '9'], 1, 'no resource class 9'],
    ['an unknown CA', ['init', 'acne'], 1, 'there is no CA acne, did you mean acme?'],
    ['a CA without a roll', ['activate', 'sub', '--yes'], 1, 'sub has no staged key'],
    ['a cancellation of nothing', ['cancel', 'sub'], 1, 'sub has no key roll'],
    ['two ways at once', ['init', 'sub', '--compromised', '--activate-after', '1d'], 2, '--compromised'],
    ['a wait of no use', ['init', 'sub', '--activate-after', '10s'], 2, '5m at least'],
    ['a status of nothing', ['status', 'none'], 1, 'there is no CA none'],
  ])('%s', async (_, args, code, message) => {
    const ran = await run(copyOf(staged), ['keyroll', ...args])
    expect([ran.code, ran.stderr]).toEqual([code, expect.stringContaining(message)])
  })

  it('the trust anchor, whose key validators have in their TAL', async () => {
    const ran = await run(copyOf(still), ['keyroll', 'init', 'ta'])
    expect([ran.code, ran.stderr]).toEqual([1, expect.stringContaining('there is no CA ta')])
  })
})
