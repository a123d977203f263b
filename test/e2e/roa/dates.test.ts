/** ROAs with dates by the built program: `roa add --from --until`, `roa list`, `tick` at the times, and what the limits hold. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { refusalOf, runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
})
afterAll(() => box.remove())

const FROM = '2026-11-21T13:00:00Z'
const UNTIL = '2026-11-21T15:00:00Z'
const ROA = '192.0.2.0/24=AS64496'

interface Listed {
  readonly roas: readonly {
    readonly roa: string
    readonly state: string
    readonly from?: string
    readonly until?: string
  }[]
}
interface Ticked {
  readonly done: readonly { readonly what: string; readonly on: string }[]
  readonly failed: readonly { readonly ca: string; readonly code: string; readonly message: string }[]
}
const listed = async (dir: string, now = FROM) =>
  (await runAt(dir, ['roa', 'list', 'acme', '--json'], { now }))
    .json<Listed>()
    .roas.map(({ state, from, until }) => [state, from, until])
const tick = async (dir: string, now: string) => (await runAt(dir, ['tick', '--json'], { now })).json<Ticked>()

it('a ROA with both dates waits, is published and is withdrawn', async () => {
  const dir = box.copy()
  const dates = ['--from', FROM, '--until', UNTIL]
  const dry = await runAt(dir, ['roa', 'add', 'acme', ROA, ...dates, '--dry-run'])
  expect([dry.code, dry.stdout]).toEqual([0, expect.stringContaining(`scheduled from ${FROM} until ${UNTIL}`)])
  expect(dry.stdout).toContain('acme: 1 ROA scheduled; dry run')
  const added = await runAt(dir, ['roa', 'add', 'acme', ROA, ...dates, '--json'])
  expect(added.json()).toMatchObject({
    added: [],
    removed: [],
    nextDue: FROM,
    scheduled: [{ state: 'scheduled', from: FROM }],
  })
  expect(await listed(dir)).toEqual([['scheduled', FROM, UNTIL]])
  const why = await runAt(dir, ['why', '192.0.2.0/24 => 64496', '--json'])
  expect([why.code, why.json()]).toMatchObject([0, { ca: 'acme', present: false, answer: { code: 'scheduled' } }])
  expect((await runAt(dir, ['status'])).stdout).toMatch(new RegExp(`^ROA dates +acme: ${FROM}`, 'm'))
  const exported = await runAt(dir, ['export', 'acme'])
  const plan = await runAt(dir, ['plan', '-', '--prune'], { input: exported.stdout })
  expect([plan.code, plan.stdout]).toEqual([0, expect.stringContaining(`from ${FROM} until ${UNTIL}`)])
  expect((await runAt(dir, ['apply', '-', '--prune', '--yes'], { input: exported.stdout })).code).toBe(0)
  expect(await listed(dir)).toEqual([['scheduled', FROM, UNTIL]])
  const text = (await runAt(dir, ['roa', 'list', 'acme'])).stdout
  expect(text).toMatch(new RegExp(`scheduled +${FROM} +${UNTIL}`))
  expect((await runAt(dir, ['roa', 'list', 'acme', '--csv'])).stdout).not.toContain('192.0.2.0')
  const status = (await runAt(dir, ['status', '--json'])).json<{ nextDue: string }>()
  expect(status.nextDue).toBe(FROM)
  expect((await tick(dir, '2026-11-21T12:30:00Z')).done).not.toContainEqual({ what: 'dates', on: expect.anything() })
  expect((await tick(dir, FROM)).done).toContainEqual({ what: 'dates', on: 'acme: +1 -0 ROAs' })
  expect(await listed(dir)).toEqual([['published', undefined, UNTIL]])
  expect((await tick(dir, UNTIL)).done).toContainEqual({ what: 'dates', on: 'acme: +0 -1 ROAs' })
  expect(await listed(dir)).toEqual([])
  expect((await runAt(dir, ['audit', 'verify'], { now: UNTIL })).code).toBe(0)
})

it('refuses what cannot be meant', async () => {
  const dir = box.copy()
  expect(await refusalOf(dir, ['roa', 'add', 'acme', ROA, '--from', '7d'])).toEqual([2, 'time-invalid'])
  expect(await refusalOf(dir, ['roa', 'add', 'acme', ROA, '--from', 'never'])).toEqual([2, 'time-invalid'])
  expect(await refusalOf(dir, ['roa', 'add', 'acme', ROA, '--until', '2026-11-01T00:00:00Z'])).toEqual([
    1,
    'roa-date-past',
  ])
  expect(await refusalOf(dir, ['roa', 'add', 'acme', ROA, '--from', UNTIL, '--until', FROM])).toEqual([
    1,
    'roa-dates-order',
  ])
  expect(await listed(dir)).toEqual([])
})

it('removals that the limits hold are told, tried again and recorded once', async () => {
  const dir = box.copy()
  const roas = Array.from({ length: 8 }, (_, n) => `192.0.2.${n * 8}/29=AS64496`)
  expect((await runAt(dir, ['roa', 'add', 'acme', ...roas, '--until', FROM])).code).toBe(0)
  expect((await runAt(dir, ['roa', 'add', 'acme', ROA, '--from', UNTIL])).code).toBe(0)
  const first = await tick(dir, FROM)
  expect(first.failed).toMatchObject([{ ca: 'acme', code: 'removals-held' }])
  const rejected = async () =>
    (await runAt(dir, ['history', 'list', 'ca/acme', '--json'], { now: UNTIL }))
      .json<{ commands: readonly { result: string }[] }>()
      .commands.filter(({ result }) => result === 'rejected').length
  expect(await rejected()).toBe(1)
  expect((await tick(dir, '2026-11-21T13:05:00Z')).failed).toMatchObject([{ code: 'removals-held' }])
  expect(await rejected()).toBe(1)
  const status = (await runAt(dir, ['status', '--json'], { now: '2026-11-21T13:06:00Z' })).json<{
    concerns: readonly { code: string }[]
    held: unknown
  }>()
  expect(status.held).toHaveLength(1)
  expect(await listed(dir)).toHaveLength(9)
  // another date is not kept waiting
  const later = await tick(dir, UNTIL)
  expect([later.done, later.failed]).toMatchObject([
    expect.arrayContaining([{ what: 'dates', on: 'acme: +1 -0 ROAs' }]),
    [{ code: 'removals-held' }],
  ])
  const release = ['roa', 'remove', 'acme', ...roas, '--yes', '--reason', 'the prefixes were returned']
  expect((await runAt(dir, release, { now: UNTIL })).code).toBe(0)
  expect((await tick(dir, '2026-11-21T15:05:00Z')).failed).toEqual([])
  expect(await listed(dir)).toEqual([['published', undefined, undefined]])
})

it('a CA whose dates are held is published as it is', async () => {
  const dir = box.copy()
  const roas = Array.from({ length: 8 }, (_, n) => `192.0.2.${n * 8}/29=AS64496`)
  expect((await runAt(dir, ['roa', 'add', 'acme', ...roas, '--until', FROM])).code).toBe(0)
  const { done, failed } = await tick(dir, '2026-11-22T09:00:00Z')
  expect(failed).toMatchObject([{ ca: 'acme', code: 'removals-held' }])
  expect(done).toContainEqual({ what: 'republish', on: 'acme' })
})

it('a suspended CA and one with a key roll follow their dates', async () => {
  const dir = box.copy()
  expect((await runAt(dir, ['roa', 'add', 'acme', ROA, '--from', FROM, '--until', UNTIL])).code).toBe(0)
  expect((await runAt(dir, ['child', 'suspend', 'testbed', 'acme', '--yes'])).code).toBe(0)
  await tick(dir, FROM)
  expect(await listed(dir)).toEqual([['suspended', undefined, UNTIL]])
  expect((await runAt(dir, ['child', 'unsuspend', 'testbed', 'acme'], { now: FROM })).code).toBe(0)
  expect((await runAt(dir, ['keyroll', 'init', 'acme'], { now: FROM })).code).toBe(0)
  await tick(dir, UNTIL)
  expect(await listed(dir)).toEqual([])
  expect((await runAt(dir, ['audit', 'verify'], { now: UNTIL })).code).toBe(0)
})
