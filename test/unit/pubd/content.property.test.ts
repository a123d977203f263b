import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { entry } from '../../../src/core/base/record.js'
import {
  changesSince,
  deltaLength,
  publicationDelta,
  publishedObjects,
  retainedDeltas,
  snapshotLength,
  snapshotReaches,
} from '../../../src/core/pubd/content.js'
import { nameBelow, publisherBase } from '../../../src/core/pubd/uri.js'
import { given, h, object, RSYNC } from './given.js'

const name = fc.constantFrom(
  'a.roa',
  'b.roa',
  'c.cer',
  'd-1.mft',
  'd.mft',
  'dir/e.roa',
  'dir/f.roa',
  'Z.crl',
  '__proto__',
)
const desired = fc
  .uniqueArray(fc.tuple(name, fc.integer({ min: 0, max: 3 })), { selector: ([n]) => n })
  .map((list) => list.map(([n, v]) => object(n, `${n} in version ${v}`)))
const handle = fc.constantFrom('a', 'a-b', 'A', 'a/b', 'zz')

describe('publication by desired state', () => {
  it('makes the publisher hold exactly what is desired, and then finds no difference', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(handle, desired), { maxLength: 12 }), async (steps) => {
        const server = await given('a', 'a-b', 'A', 'a/b', 'zz')
        const seen = [server.state]
        for (const [publisher, objects] of steps) {
          const change = publicationDelta(server.state, h(publisher), objects)
          await server.run({ type: 'publish', changes: [change] })
          seen.push(server.state)
          const held = entry(server.state.publishers, publisher)?.objects ?? {}
          const wanted = objects.map(({ name: n, sha256, size }) => [n, { sha256, size }] as const)
          expect(Object.entries(held).sort()).toEqual([...wanted].sort())
          const again = publicationDelta(server.state, h(publisher), objects)
          expect([again.put, again.drop]).toEqual([[], []])
        }
        // the changes since any earlier serial lead from the objects published then to those published now
        for (const then of seen) {
          const changes = changesSince(server.state, then.sessionId, then.serial)
          if (changes === undefined) continue
          const table = new Map(publishedObjects(then).map((o) => [o.path, o.sha256]))
          for (const [path, { before, after }] of changes) {
            expect(table.get(path)).toBe(before?.sha256)
            if (after === undefined) table.delete(path)
            else table.set(path, after.sha256)
          }
          const now = publishedObjects(server.state).map((o) => [o.path, o.sha256] as const)
          expect([...table].sort()).toEqual([...now].sort())
        }
        const uris = publishedObjects(server.state).map((o) => o.uri)
        expect(uris).toEqual([...uris].sort())
      }),
      { numRuns: 150 },
    )
  })

  it('retains only deltas whose sizes add up to no more than the snapshot', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(desired, { maxLength: 10 }), async (steps) => {
        const server = await given('a')
        for (const objects of steps)
          await server.run({ type: 'publish', changes: [publicationDelta(server.state, h('a'), objects)] })
        const { sessionId, deltas } = server.state
        const total = deltas.reduce((sum, d) => sum + deltaLength(sessionId, d), 0)
        expect(total).toBeLessThanOrEqual(snapshotLength(server.state))
        const reaches = snapshotReaches(server.state)
        const whole = snapshotLength(server.state)
        expect([1, whole - 1, whole, whole + 1, whole].map(reaches)).toEqual([true, true, true, false, true])
        expect(retainedDeltas(sessionId, deltas, snapshotReaches(server.state), server.now, server.retention)).toBe(
          deltas.length,
        )
      }),
      { numRuns: 60 },
    )
  })
})

describe('names below a base', () => {
  const anyHandle = fc
    .stringMatching(/^[A-Za-z0-9_-][A-Za-z0-9_/-]{0,12}$/)
    .filter((t) => !t.endsWith('/') && !t.includes('//'))

  it('gives no two handles bases of which one begins with the other', () => {
    fc.assert(
      fc.property(anyHandle, anyHandle, (a, b) => {
        fc.pre(a !== b)
        expect(publisherBase(RSYNC, h(a)).startsWith(publisherBase(RSYNC, h(b)))).toBe(false)
      }),
    )
  })

  it.each([
    ['rsync://rpki.example.net/repo/ca1/x.roa', 'x.roa'],
    ['RSYNC://RPKI.example.net/repo/ca1/d/x.roa', 'd/x.roa'],
    ['rsync://rpki.example.net/repo/ca1/../../etc/x.cer', undefined],
    ['rsync://rpki.example.net/repo/ca1/%2e%2e/x.roa', undefined],
    ['rsync://rpki.example.net/repo/ca1/a//b.roa', undefined],
    ['rsync://rpki.example.net/repo/ca1/./x.roa', undefined],
    ['rsync://rpki.example.net/repo/ca1/x.roa?y#z', undefined],
    ['rsync://user:pw@rpki.example.net/repo/ca1/x.roa', undefined],
    ['rsync://rpki.example.net:99999/repo/ca1/x.roa', undefined],
    ['rsync://rpki.example.net/repo/ca1/x\0.roa', undefined],
    ['rsync://rpki.example.net/repo/ca1/.hidden', undefined],
    [`rsync://rpki.example.net/repo/ca1/${'a'.repeat(2048)}`, undefined],
    ['rsync://rpki.example.net/repo/ca1evil/x.roa', undefined],
    ['rsync://OTHER/repo/ca1/x.roa', undefined],
    ['file:///etc/passwd', undefined],
    ['rsync://rpki.example.net/REPO/ca1/x.roa', undefined],
    ['rsync://rpki.example.net/repo/ca1/', undefined],
    ['', undefined],
  ])('takes %j as %j', (uri, wanted) => {
    expect(nameBelow('rsync://rpki.example.net/repo/ca1/', uri)).toBe(wanted)
  })
})
