/** Rules of the publication server: sessions, publishers, publications and the deltas that are retained. */
import { describe, expect, it } from 'vitest'
import { instantOf } from '../../../src/core/base/time.js'
import { PUBD_HANDLE, type PubdEvent, pubd } from '../../../src/core/pubd/aggregate.js'
import { changesSince, objectsInUse, publishedObjects } from '../../../src/core/pubd/content.js'
import type { Published } from '../../../src/core/pubd/publications.js'
import { publisherBase } from '../../../src/core/pubd/uri.js'
import { given, h, object, RRDP, RSYNC, Server } from './given.js'

const published = (events: readonly PubdEvent[]): Published => {
  expect(events).toHaveLength(1)
  return events[0] as Published
}

describe('pubserver.init', () => {
  it('starts a session at serial 1 with a version 4 UUID and nothing published', async () => {
    const server = await given()
    expect(server.state.serial).toBe(1)
    expect(server.state.sessionId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(server.state.part).toMatch(/^[0-9a-f]{16,}$/)
    expect(publishedObjects(server.state)).toEqual([])
  })

  it('is a no-op when repeated and a violation with other URIs', async () => {
    const server = await given()
    expect(await server.run({ type: 'pubserver.init', rsyncBase: RSYNC, rrdpBase: RRDP })).toEqual([])
    expect(
      server.violations({ type: 'pubserver.init', rsyncBase: 'rsync://other.example/m/', rrdpBase: RRDP }),
    ).toEqual(['pubserver-exists'])
  })

  it.each([
    ['http://rpki.example.net/repo/', RRDP],
    ['rsync://rpki.example.net/', RRDP],
    ['rsync://rpki.example.net/repo', RRDP],
    ['rsync://u:p@rpki.example.net/repo/', RRDP],
    ['rsync://rpki.example.net:99999/repo/', RRDP],
    ['rsync://rpki.example.net/repo/../x/', RRDP],
    ['rsync://rpki.example.net/re po/', RRDP],
    ['rsync://rpki.example.net/repo//', RRDP],
    ['rsync:///repo/', RRDP],
    [RSYNC, 'http://rpki.example.net/rrdp/'],
    [RSYNC, 'https://rpki.example.net/rrdp/?x=/'],
    [RSYNC, 'https://rpki.example.net/rrdp/notification.xml'],
  ])('refuses %s with %s', (rsyncBase, rrdpBase) => {
    expect(new Server().violations({ type: 'pubserver.init', rsyncBase, rrdpBase })).toEqual(['uri-invalid'])
  })

  it('takes a port, a deeper module path and an RRDP base at the root', () => {
    const server = new Server()
    expect(
      server.violations({
        type: 'pubserver.init',
        rsyncBase: 'rsync://h.example:8873/m/p/',
        rrdpBase: 'https://h.example/',
      }),
    ).toEqual([])
  })

  it('comes before everything else', () => {
    const server = new Server()
    expect(server.violations({ type: 'session.reset' })).toEqual(['pubserver-not-initialised'])
    expect(server.violations({ type: 'publish', changes: [] })).toEqual(['pubserver-not-initialised'])
  })
})

describe('publishers', () => {
  it('get one base each, the encoded handle below the rsync base', async () => {
    const server = await given()
    expect(server.violations({ type: 'publisher.add', publisher: h('a/b'), base: `${RSYNC}a/b/` })).toEqual([
      'publisher-base',
    ])
    await server.run({ type: 'publisher.add', publisher: h('a/b'), base: `${RSYNC}a_-b/` })
    expect(server.violations({ type: 'publisher.add', publisher: h('a/b'), base: `${RSYNC}a_-b/` })).toEqual([
      'publisher-exists',
    ])
  })

  it('that are removed withdraw everything in one serial', async () => {
    const server = await given('acme', 'beta')
    await server.publish('acme', [object('x.roa', 'x'), object('y.roa', 'y')])
    await server.publish('beta', [object('z.roa', 'z')])
    const events = await server.run({ type: 'publisher.remove', publisher: h('acme') })
    expect(events.map((e) => e.type)).toEqual(['published', 'publisher.removed'])
    expect(publishedObjects(server.state).map((o) => o.path)).toEqual(['beta/z.roa'])
    expect(server.state.serial).toBe(4)
    expect(server.violations({ type: 'publisher.remove', publisher: h('acme') })).toEqual(['publisher-unknown'])
  })

  it('without objects are removed without a serial', async () => {
    const server = await given('acme')
    const events = await server.run({ type: 'publisher.remove', publisher: h('acme') })
    expect(events.map((e) => e.type)).toEqual(['publisher.removed'])
    expect(server.state.serial).toBe(1)
  })

  it('may be called __proto__, and so may their objects', async () => {
    const server = await given('__proto__', 'constructor')
    await server.publish('__proto__', [object('__proto__', 'x'), object('constructor', 'y')])
    expect(publishedObjects(server.state).map((o) => o.path)).toEqual([
      '____proto____/__proto__',
      '____proto____/constructor',
    ])
    const stored = JSON.parse(JSON.stringify(server.state)) as typeof server.state
    expect(publishedObjects(stored)).toEqual(publishedObjects(server.state))
  })
})

describe('publish', () => {
  it('makes one event of all publishers, with what each object replaces', async () => {
    const server = await given('b', 'a')
    await server.publish('a', [object('x.roa', 'one')])
    server.pass(60)
    const event = published(
      await server.run({
        type: 'publish',
        changes: [
          { publisher: h('b'), put: [object('n.mft', 'm')], drop: [] },
          { publisher: h('a'), put: [object('y.roa', 'y'), object('x.roa', 'two')], drop: [] },
        ],
      }),
    )
    expect(event.serial).toBe(3)
    expect(event.at).toBe('2026-01-01T00:01:00Z')
    expect(event.changes.map((c) => c.publisher)).toEqual(['a', 'b'])
    expect(event.changes[0]?.put.map((p) => [p.name, p.replaces?.sha256])).toEqual([
      ['x.roa', object('', 'one').sha256],
      ['y.roa', undefined],
    ])
  })

  it('leaves out objects that are already published, and is a no-op when no other remains', async () => {
    const server = await given('a')
    await server.publish('a', [object('x.roa', 'one')])
    expect(await server.publish('a', [object('x.roa', 'one')])).toEqual([])
    expect(
      published(await server.publish('a', [object('x.roa', 'one'), object('y.roa', 'y')])).changes[0]?.put,
    ).toHaveLength(1)
  })

  it('never goes back in time', async () => {
    const server = await given('a')
    server.pass(-3600)
    expect(published(await server.publish('a', [object('x.roa', '1')])).at).toBe('2026-01-01T00:00:00Z')
  })

  it.each([
    ['../x.roa'],
    ['a/../x.roa'],
    ['.hidden'],
    ['a//b.roa'],
    ['./x.roa'],
    ['/x.roa'],
    ['x.roa/'],
    [''],
    ['a/.b'],
    ['x.roa?y#z'],
    ['%2e%2e/x.roa'],
    ['x\0.roa'],
    ['x y.roa'],
    ['x\\y'],
    ['é.roa'],
    ['a'.repeat(256)],
    [`${'a/'.repeat(1100)}x`],
    ['x\n'],
  ])('refuses the name %.20j', async (name) => {
    const server = await given('a')
    expect(
      server.violations({ type: 'publish', changes: [{ publisher: h('a'), put: [object(name, 'x')], drop: [] }] }),
    ).toEqual(['object-name'])
  })

  it('reports all violations at once', async () => {
    const server = await given('a')
    await server.publish('a', [object('x.roa', '1')])
    const put = [object('x.roa', '2'), object('x.roa', '3'), object('..', '4'), { ...object('n', 'n'), size: 0 }]
    const violations = server.violations({
      type: 'publish',
      changes: [
        { publisher: h('a'), put, drop: ['gone.roa', 'x.roa'] },
        { publisher: h('nobody'), put: [], drop: [] },
        { publisher: h('a'), put: [], drop: [] },
      ],
    })
    expect(violations).toEqual([
      'object-duplicate',
      'object-name',
      'object-invalid',
      'object-unknown',
      'object-duplicate',
      'publisher-unknown',
      'publisher-duplicate',
    ])
  })

  it('refuses a name that would be an object and a folder', async () => {
    const server = await given('a')
    await server.publish('a', [object('x', '1')])
    const put = [object('x/y.roa', '2')]
    expect(server.violations({ type: 'publish', changes: [{ publisher: h('a'), put, drop: [] }] })).toEqual([
      'object-conflict',
    ])
    expect(server.violations({ type: 'publish', changes: [{ publisher: h('a'), put, drop: ['x'] }] })).toEqual([])
  })

  it('refuses it whatever is published, new or dropped', async () => {
    const names = ['a', 'a/b', 'a/b/c', 'ab', 'b/a']
    const subsets = Array.from({ length: 2 ** names.length }, (_, bits) => names.filter((__, i) => (bits >> i) & 1))
    const isBoth = (all: readonly string[]): readonly string[] =>
      all.filter((name) => all.some((other) => other.startsWith(`${name}/`)))
    const counts = { refused: 0, accepted: 0 }
    for (const content of subsets.filter((all) => isBoth(all).length === 0)) {
      const server = await given('a')
      if (content.length > 0)
        await server.publish(
          'a',
          content.map((name) => object(name, '1')),
        )
      for (const put of subsets)
        for (const drop of subsets.filter((all) => all.every((n) => content.includes(n) && !put.includes(n)))) {
          const after = new Set([...content.filter((name) => !drop.includes(name)), ...put])
          const change = { publisher: h('a'), put: put.map((name) => object(name, '2')), drop }
          const found = server.violations({ type: 'publish', changes: [change] })
          expect([content, put, drop, found]).toEqual([
            ...[content, put, drop],
            isBoth([...after]).map(() => 'object-conflict'),
          ])
          counts[found.length > 0 ? 'refused' : 'accepted'] += 1
        }
    }
    expect(Math.min(counts.refused, counts.accepted)).toBeGreaterThan(100)
  })
})

describe('deltas', () => {
  it('are listed newest first without a gap, each with a folder name of its own', async () => {
    const server = await given('a')
    await server.publish(
      'a',
      Array.from({ length: 40 }, (_, i) => object(`${i}.roa`, `object ${i}`)),
    )
    for (let i = 0; i < 4; i++) await server.publish('a', [object('x.roa', `${i}`)])
    expect(server.state.deltas.map((d) => d.serial)).toEqual([6, 5, 4, 3])
    expect(new Set(server.state.deltas.map((d) => d.part)).size).toBe(4)
    expect(server.state.deltas[0]?.part).toBe(server.state.part)
  })

  it.each([
    ['by number, once they are old enough', { minNr: 2, minSeconds: 0, maxNr: 4, maxSeconds: 10_000 }, 60, 4],
    ['by age, beyond the least number', { minNr: 2, minSeconds: 0, maxNr: 50, maxSeconds: 150 }, 60, 3],
    ['not below the least number', { minNr: 5, minSeconds: 0, maxNr: 50, maxSeconds: 0 }, 60, 5],
    ['not while they are young', { minNr: 0, minSeconds: 1000, maxNr: 1, maxSeconds: 0 }, 60, 12],
  ])('are dropped %s', async (_, retention, seconds, left) => {
    const server = await given('a')
    server.retention = retention
    await server.publish('a', [object('big.cer', 'x'.repeat(50_000))])
    server.pass(seconds * 1000)
    for (let i = 0; i < 12; i++) {
      server.pass(seconds)
      await server.publish('a', [object('x.roa', `${i}`)])
    }
    expect(server.state.deltas).toHaveLength(left)
  })

  it('never exceed the size of the snapshot together', async () => {
    const server = await given('a')
    await server.publish('a', [object('x.mft', 'm'.repeat(900))])
    for (let i = 0; i < 6; i++) await server.publish('a', [object('x.mft', `${i}`.repeat(900))])
    expect(server.state.deltas).toHaveLength(0)
    await server.publish('a', [object('big.cer', 'x'.repeat(3000))])
    expect(server.state.deltas).toHaveLength(1)
  })

  it('are 300 at most, whatever the policy says', async () => {
    const server = await given('a')
    server.retention = { minNr: 1000, minSeconds: 0, maxNr: 1000, maxSeconds: 0 }
    await server.publish('a', [object('big.cer', 'x'.repeat(200_000))])
    for (let i = 0; i < 310; i++) await server.publish('a', [object('x.roa', `${i}`)])
    expect(server.state.deltas).toHaveLength(300)
  })

  it('keep the objects that they publish in use', async () => {
    const server = await given('a')
    await server.publish('a', [object('big.cer', 'x'.repeat(5000))])
    await server.publish('a', [object('x.roa', 'one')])
    await server.publish('a', [object('x.roa', 'two')])
    expect(objectsInUse(server.state).has(object('', 'one').sha256)).toBe(true)
    await server.run({ type: 'session.reset' })
    expect(objectsInUse(server.state).has(object('', 'one').sha256)).toBe(false)
    expect(objectsInUse(server.state).size).toBe(2)
  })
})

describe('session.reset', () => {
  it('starts a new session at serial 1 without deltas and keeps what is published', async () => {
    const server = await given('a')
    await server.publish('a', [object('x.roa', 'one'), object('big.cer', 'x'.repeat(5000))])
    const before = server.state
    await server.run({ type: 'session.reset' })
    expect(server.state.sessionId).not.toBe(before.sessionId)
    expect(server.state.serial).toBe(1)
    expect(server.state.deltas).toEqual([])
    expect(publishedObjects(server.state)).toEqual(publishedObjects(before))
    expect(changesSince(server.state, before.sessionId, before.serial)).toBeUndefined()
  })
})

describe('replay', () => {
  it('gives the same state, touches only the table of the publisher concerned and ignores what it does not know', async () => {
    const server = await given('a', 'b')
    await server.publish('a', [object('x.roa', 'one')])
    const before = server.state
    await server.publish('b', [object('y.roa', 'y')])
    expect(server.state.publishers['a']).toBe(before.publishers['a'])
    expect(server.events.reduce(pubd.evolve, pubd.initial(PUBD_HANDLE))).toEqual(server.state)
    const stored = JSON.parse(JSON.stringify(server.events)) as PubdEvent[]
    expect(stored.reduce(pubd.evolve, pubd.initial(PUBD_HANDLE))).toEqual(server.state)
    expect(pubd.evolve(server.state, { type: 'from.the.future' } as unknown as PubdEvent)).toBe(server.state)
  })

  it('has one logical state for two machines', async () => {
    const states = await Promise.all(
      ['AAAA', 'BBBB'].map(async (ski, i) => {
        const server = new Server()
        server.now = instantOf(1_800_000_000 + i * 5000)
        await server.run({ type: 'pubserver.init', rsyncBase: RSYNC, rrdpBase: RRDP })
        await server.run({ type: 'publisher.add', publisher: h('a'), base: publisherBase(RSYNC, h('a')) })
        await server.publish('a', [object(`${ski}.mft`, ski), object(`${ski}.crl`, `crl ${ski}`)])
        return server.state
      }),
    )
    expect(pubd.logical(states[0]!)).toEqual(pubd.logical(states[1]!))
    expect(states[0]).not.toEqual(states[1])
  })

  it('keeps counts of a publication in history, not names', async () => {
    const command = {
      type: 'publish',
      changes: [{ publisher: h('a'), put: [object('x', 'x')], drop: ['y', 'z'] }],
    } as const
    expect(pubd.summarize(command)).toEqual({
      type: 'publish',
      args: { changes: [{ publisher: 'a', put: 1, drop: 2 }] },
    })
  })
})
