/** What a repository server serves, judged by what was published; and who stays in a pool. */
import { describe, expect, it } from 'vitest'
import type { Instant } from '../../../src/core/base/time.js'
import type { Sha256 } from '../../../src/core/crypto/ports.js'
import { judgeRrdp } from '../../../src/core/distribution/judge-rrdp.js'
import { judgeRsync, newestManifest } from '../../../src/core/distribution/judge-rsync.js'
import type { ListedEntry } from '../../../src/core/distribution/listing.js'
import { poolOf, poolText } from '../../../src/core/distribution/pool-file.js'
import { isGood } from '../../../src/core/distribution/served-part.js'
import type { RrdpNotification } from '../../../src/core/protocols/rrdp.js'
import type { PubdState } from '../../../src/core/pubd/state.js'
import type { RrdpRecord } from '../../../src/core/publication/writer-records.js'

const RRDP = 'https://repo.example/rrdp/'
const RSYNC = 'rsync://repo.example/repo/'
const hash = (digit: string) => digit.repeat(64) as Sha256
const ref = (digit: string, size: number) => ({ sha256: hash(digit), size })
const [T1, T2, T3] = ['2026-12-01T10:00:00Z', '2026-12-01T11:00:00Z', '2026-12-01T12:00:00Z'] as [
  Instant,
  Instant,
  Instant,
]

/** Serial 1: a.mft (1); serial 2: a.mft (2) and b.roa (3); serial 3: a.mft (4), b.roa withdrawn. */
const STATE: PubdState = {
  ...{ rsyncBase: RSYNC, rrdpBase: RRDP, sessionId: 's1', serial: 3, updatedAt: T3, part: 'p3' },
  publishers: {
    ca: { base: `${RSYNC}ca/`, addedAt: T1, updatedAt: T3, objects: { 'a.mft': ref('4', 14), 'c.cer': ref('5', 50) } },
  },
  deltas: [
    {
      ...{ serial: 3, at: T3, part: 'p3' },
      changes: [
        {
          ...{ publisher: 'ca', base: `${RSYNC}ca/` },
          put: [{ name: 'a.mft', ...ref('4', 14), replaces: ref('2', 12) }],
          drop: [{ name: 'b.roa', ...ref('3', 30) }],
        },
      ],
    },
    {
      ...{ serial: 2, at: T2, part: 'p2' },
      changes: [
        {
          ...{ publisher: 'ca', base: `${RSYNC}ca/` },
          put: [
            { name: 'a.mft', ...ref('2', 12), replaces: ref('1', 11) },
            { name: 'b.roa', ...ref('3', 30) },
          ],
          drop: [],
        },
      ],
    },
  ],
}

const RECORD: RrdpRecord = {
  ...{ session: 's1', serial: 3, retired: [] },
  snapshot: { path: 's1/3/p3/snapshot.xml', sha256: hash('a'), size: 1 },
  deltas: [{ path: 's1/3/p3/delta.xml', sha256: hash('b'), size: 1 }],
} as unknown as RrdpRecord

const notification = (changes: Partial<RrdpNotification> = {}): RrdpNotification => ({
  ...{ session: 's1', serial: 3 },
  snapshot: { uri: `${RRDP}s1/3/p3/snapshot.xml`, sha256: hash('a') },
  deltas: [{ serial: 3, uri: `${RRDP}s1/3/p3/delta.xml`, sha256: hash('b') }],
  ...changes,
})
const judged = (changes: Partial<RrdpNotification>, record: RrdpRecord | undefined = RECORD) =>
  judgeRrdp(notification(changes), { state: STATE, record })

describe('a notification', () => {
  it('of the published version is in order', () => {
    expect(judged({})).toEqual({ state: 'ok', session: 's1', serial: 3, behind: 0, since: null, findings: [] })
  })

  it('of an earlier serial is behind since the next serial was published', () => {
    const snapshot = { uri: `${RRDP}s1/1/p1/snapshot.xml`, sha256: hash('c') }
    expect(judged({ serial: 1, snapshot, deltas: [] })).toMatchObject({ state: 'behind', behind: 2, since: T2 })
    const older = judgeRrdp(notification({ serial: 1, snapshot, deltas: [] }), {
      state: { ...STATE, deltas: STATE.deltas.slice(0, 1) },
      record: RECORD,
    })
    expect(older).toMatchObject({ state: 'behind', since: T3 })
  })

  it.each<[string, Partial<RrdpNotification>, string, RegExp]>([
    ['of a later serial', { serial: 4 }, 'ahead', /serial 4, published is 3/],
    ['of another session', { session: 's0' }, 'differs', /session s0, published is s1/],
    [
      'of a file on another host',
      { snapshot: { uri: 'https://other.example/rrdp/x', sha256: hash('a') } },
      'differs',
      /not below/,
    ],
    [
      'of another content of a published file',
      { deltas: [{ serial: 3, uri: `${RRDP}s1/3/p3/delta.xml`, sha256: hash('f') }] },
      'differs',
      /another hash/,
    ],
    ['that lacks a delta', { deltas: [] }, 'differs', /does not name .*delta\.xml/],
    [
      'of a file that was not published',
      {
        deltas: [...notification().deltas, { serial: 2, uri: `${RRDP}s1/2/p9/delta.xml`, sha256: hash('b') }],
      },
      'differs',
      /which was not published/,
    ],
  ])('%s is named', (_, changes, state, words) => {
    const part = judged(changes)
    expect([part.state, part.findings[0]]).toEqual([state, expect.stringMatching(words)])
  })

  it('is judged by session and serial alone where the hashes are unknown', () => {
    expect(judgeRrdp(notification({ deltas: [] }), { state: STATE, record: undefined }).state).toBe('ok')
    expect(judged({ deltas: [] }, { ...RECORD, session: 's0' }).state).toBe('ok')
    expect(judged({ deltas: [] }, { ...RECORD, serial: 2 }).state).toBe('ok')
  })
})

const file = (path: string, size: number): readonly [string, ListedEntry] => [
  path,
  { path, kind: 'file', size, time: T1, target: null },
]
const rsync = (
  files: readonly (readonly [string, ListedEntry])[],
  hashes: readonly (readonly [string, Sha256])[] = [],
) => judgeRsync({ files: new Map(files), hashes: new Map(hashes) }, STATE)

describe('a listing by rsync', () => {
  const CURRENT = [file('ca/a.mft', 14), file('ca/c.cer', 50)]
  it('of the published version is in order, with the hash of a fetched file too', () => {
    expect(rsync(CURRENT)).toMatchObject({ state: 'ok', serial: 3 })
    expect(rsync(CURRENT, [['ca/a.mft', hash('4')]])).toMatchObject({ state: 'ok', serial: 3 })
  })

  it('of an earlier version is behind by its serials', () => {
    expect(rsync([file('ca/a.mft', 12), file('ca/b.roa', 30), file('ca/c.cer', 50)])).toMatchObject({
      ...{ state: 'behind', serial: 2, behind: 1, since: T3 },
    })
    expect(rsync([file('ca/a.mft', 11), file('ca/c.cer', 50)])).toMatchObject({ state: 'behind', serial: 1, since: T2 })
  })

  it.each<[string, Parameters<typeof rsync>, RegExp]>([
    ['without a file', [[file('ca/c.cer', 50)]], /^ca\/a\.mft is missing$/],
    ['with another length', [[file('ca/a.mft', 15), file('ca/c.cer', 50)]], /15 octets, published are 14/],
    ['with other content of one length', [CURRENT, [['ca/a.mft', hash('9')]]], /^ca\/a\.mft has other content/],
    ['with a file more', [[...CURRENT, file('ca/x.roa', 1)]], /^ca\/x\.roa is not published$/],
    ['of two versions at once', [[...CURRENT, file('ca/b.roa', 30)]], /^ca\/b\.roa is not published$/],
  ])('%s differs', (_, [files, hashes], words) => {
    const part = rsync(files, hashes)
    expect([part.state, part.serial, part.findings]).toEqual(['differs', null, [expect.stringMatching(words)]])
  })

  it('names five differences and counts the others', () => {
    const many = Array.from({ length: 8 }, (_, n) => file(`ca/${n}.roa`, 1))
    expect(rsync([...CURRENT, ...many]).findings).toEqual([
      ...[0, 1, 2, 3, 4].map((n) => `ca/${n}.roa is not published`),
      'and 3 more',
    ])
  })

  it('has the manifest of the newest change as its sample', () => {
    expect(newestManifest(STATE)).toBe('ca/a.mft')
    expect(newestManifest({ ...STATE, deltas: [] })).toBe('ca/a.mft')
    expect(newestManifest({ ...STATE, publishers: {} })).toBeUndefined()
  })
})

describe('a server in a pool', () => {
  const part = (state: 'ok' | 'behind' | 'differs' | 'unreachable' | 'unchecked', since: Instant | null) => ({
    ...{ state, since, session: null, serial: null, behind: null, findings: [] },
  })
  it.each([
    [part('ok', null), true],
    [part('unchecked', null), true],
    [part('behind', '2026-12-01T11:50:00Z' as Instant), true],
    [part('behind', '2026-12-01T11:49:59Z' as Instant), false],
    [part('differs', null), false],
    [part('unreachable', null), false],
  ])('%j at 12:00 with a lag of ten minutes allowed: %s', (one, isIn) => {
    expect(isGood(one, T3, 600)).toBe(isIn)
  })

  it('is out while another is good; without a good one the pool stays, and is never empty', () => {
    const isGoodOne = (name: string) => name === 'two'
    expect(poolOf(['one', 'two'], isGoodOne, ['one', 'two'])).toEqual({ members: ['two'], out: ['one'], isKept: false })
    expect(poolOf(['one', 'two'], () => false, ['one'])).toEqual({ members: ['one'], out: ['two'], isKept: true })
    expect(poolOf(['one', 'two'], () => false, ['gone'])).toEqual({ members: ['one', 'two'], out: [], isKept: true })
  })

  const servers = [
    { name: 'one', pool: '192.0.2.1:443' },
    { name: 'two', pool: '192.0.2.2:443' },
  ]
  it.each([
    [
      'nginx',
      '# Written by brine pubserver probe; changes are overwritten.\nserver 192.0.2.1:443 down;\nserver 192.0.2.2:443;\n',
    ],
    ['haproxy', 'set server repo/one state maint\nset server repo/two state ready\n'],
    ['list', '192.0.2.2:443\n'],
  ] as const)('is written for %s', (form, text) => {
    expect(poolText({ form, backend: 'repo' }, servers, ['two'])).toBe(text)
  })
})
