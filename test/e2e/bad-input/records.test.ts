/** Records that are not what this program wrote: the exit code and the way out of each, the others served, nothing changed. */
import { execFileSync } from 'node:child_process'
import { chownSync, readdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  expectRefused,
  footprint,
  makeSandbox,
  type Sandbox,
  withoutRecords,
} from '../../support/sites/bad-input-box.js'

let sandbox: Sandbox & { readonly remove: () => void }
beforeAll(async () => {
  sandbox = await makeSandbox()
})
afterAll(() => sandbox.remove())

const READ = ['roa', 'list', 'acme']
const ADD = ['roa', 'add', 'acme', '192.0.2.0/25=AS64496']

/** The newest event of acme, relative to the directory. */
function newestEvent(box: Sandbox): string {
  const numbers = readdirSync(join(box.dir, 'cas/acme')).map((name) => Number(/^event-(\d+)/.exec(name)?.[1] ?? 0))
  return join('cas', 'acme', `event-${Math.max(...numbers)}.json`)
}

function rewrite(path: string, from: RegExp, to: string): void {
  const before = readFileSync(path, 'utf8')
  expect(before).toMatch(from)
  writeFileSync(path, before.replace(from, to))
}

const EVENTS: readonly (readonly [string, (path: string) => void])[] = [
  ['__proto__ in it', (path) => rewrite(path, /^\{/, '{"__proto__":{"polluted":1},')],
  ['a name twice', (path) => rewrite(path, /"version":\d+/, '$&,$&')],
  ['a number beyond 2^53', (path) => rewrite(path, /"version":\d+/, '"version":9007199254740993')],
  ['100 MB', (path) => truncateSync(path, 100 << 20)],
  [
    'a symbolic link',
    (path) => {
      rmSync(path)
      symlinkSync('/etc/hostname', path)
    },
  ],
  [
    'a FIFO',
    (path) => {
      rmSync(path)
      execFileSync('mkfifo', [path])
    },
  ],
]

describe('an event', () => {
  it.each(EVENTS)('%s: exit 12 for that CA, the others are served', async (_, put) => {
    const box = sandbox.copy()
    const event = newestEvent(box)
    put(join(box.dir, event))
    const before = withoutRecords(footprint(box.dir))
    const refusal = { exit: 12, code: 'file-damaged', says: [event, 'brine recover ca/acme'] }
    for (const args of [READ, ADD]) await expectRefused(box, args, refusal)
    expect(withoutRecords(footprint(box.dir))).toEqual(before)
    expect((await box.run(['ca', 'show', 'testbed'])).code).toBe(0)
  })

  it('of another user: exit 12 with the command that mends it, the others are served', async (context) => {
    if (process.getuid?.() !== 0) context.skip('needs root to give a file away')
    const box = sandbox.copy()
    const event = newestEvent(box)
    chownSync(join(box.dir, event), 12345, 12345)
    const before = withoutRecords(footprint(box.dir))
    const refusal = { exit: 12, code: 'file-foreign', says: [event, 'uid 12345', /chown \d+ /] }
    for (const args of [READ, ADD]) await expectRefused(box, args, refusal)
    const verified = await box.run(['audit', 'verify'])
    expect(verified.code).toBe(12)
    expect(verified.stdout).toContain(`${event}: owned by uid 12345`)
    expect(withoutRecords(footprint(box.dir))).toEqual(before)
    expect((await box.run(['ca', 'show', 'testbed'])).code).toBe(0)
    const tick = await box.run(['republish', '--now', '--json'])
    expect([tick.code, tick.json<{ failed: { ca: string; code: string }[] }>().failed]).toMatchObject([
      3,
      [{ ca: 'acme', code: 'file-foreign' }],
    ])
  })
})

describe('the marker', () => {
  it.each([
    ['a name twice', /"generation":1/, '"generation":1,"generation":9', 'appears twice'],
    ['generation 0', /"generation":1/, '"generation":0', 'generation has an invalid value'],
    ['__proto__ in it', /^\{/, '{"__proto__":{},', '__proto__'],
    ['no id', /"id":"[^"]*",/, '', 'id is missing'],
    ['another id', /"id":"[^"]*"/, '"id":"0123456789abcdef0123456789abcdef"', 'was changed', 'marker-changed'],
    ['another date', /"createdAt":"20\d\d/, '"createdAt":"1999', 'was changed', 'marker-changed'],
    ['a format that it never had', /"format":2/, '"format":0', 'format has an invalid value'],
  ])('%s: exit 12, and says where a marker comes from', async (_, from, to, rule, code = 'file-damaged') => {
    const box = sandbox.copy()
    rewrite(join(box.dir, 'brine.json'), from, to)
    const before = footprint(box.dir)
    const refusal = { exit: 12, code, says: ['brine.json', rule, 'from a backup or a copy'] }
    for (const args of [READ, ADD, ['recover', '--dry-run'], ['audit', 'verify']])
      await expectRefused(box, args, refusal)
    expect(footprint(box.dir)).toEqual(before)
  })
})
