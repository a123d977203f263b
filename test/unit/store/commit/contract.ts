/** Contract of a store: the same tests run for each implementation. */
import { describe, expect, it } from 'vitest'
import { sha256Hex } from '../../../../src/core/crypto/digest.js'
import type { Store } from '../../../../src/core/eventsourcing/store.js'
import { add, ca, fold, metaAt, objectsFor, stage, stageRejected, wordsOf } from '../../../support/store/store.js'

export function storeContract(name: string, fresh: () => Store): void {
  describe(`${name} fulfils the contract of a store`, () => {
    it('is empty at first', async () => {
      const seen = await fresh().read(async (r) => ({
        head: r.head,
        at: r.at,
        roster: r.roster(),
        load: r.load(ca('x')),
      }))
      expect(seen).toEqual({ head: 0, at: undefined, roster: [], load: undefined })
    })

    it('returns what was committed, across snapshots', async () => {
      const store = fresh()
      const all: string[] = []
      for (let n = 0; n < 23; n++) {
        const words = n % 4 === 0 ? [`w${n}`, `v${n}`] : [`w${n}`]
        const result = await store.write(async (w) => add(w, { x: words }))
        all.push(...words)
        expect(result).toEqual({ commit: n + 1, aggregates: [{ id: ca('x'), version: all.length, sequence: n + 1 }] })
        expect(await store.read(async (r) => wordsOf(r, 'x'))).toEqual(all)
      }
      const loaded = await store.read(async (r) => r.load(ca('x')))
      expect(loaded).toMatchObject({ version: 29, sequence: 23, lastAt: metaAt(22).at })
      expect(loaded?.snapshot?.version).toBeGreaterThanOrEqual(25)
    })

    it('commits several aggregates atomically and lists them sorted', async () => {
      const store = fresh()
      await store.write(async (w) => add(w, { b: ['1'], 'a/B': ['2'] }))
      await store.write(async (w) => add(w, { a: ['3'], b: ['4'] }))
      await store.read(async (r) => {
        expect(r.roster()).toEqual([ca('a'), ca('a/B'), ca('b')])
        expect([wordsOf(r, 'b'), wordsOf(r, 'a/B'), wordsOf(r, 'a')]).toEqual([['1', '4'], ['2'], ['3']])
        expect([r.head, r.at]).toEqual([2, metaAt(1).at])
      })
    })

    it('stores a rejected command: the sequence advances, the version does not', async () => {
      const store = fresh()
      await store.write(async (w) => add(w, { x: ['1'] }))
      await store.write(async (w) =>
        w.commit({ meta: metaAt(1), aggregates: [stageRejected(w, 'x')], objects: new Map() }),
      )
      await store.write(async (w) => add(w, { x: ['2'] }))
      await store.read(async (r) => {
        expect(r.load(ca('x'))).toMatchObject({ version: 2, sequence: 3 })
        expect(r.command(ca('x'), 2).effect).toEqual({ result: 'rejected', code: 'word-refused', message: 'no' })
        expect(r.eventsOf(ca('x'), r.command(ca('x'), 2))).toEqual([])
        expect(r.eventsOf(ca('x'), r.command(ca('x'), 3))).toEqual([{ type: 'added', word: '2' }])
      })
    })

    it('chains the records of an aggregate', async () => {
      const store = fresh()
      for (const word of ['1', '2', '3']) await store.write(async (w) => add(w, { x: [word] }))
      await store.read(async (r) => {
        const previous = [1, 2, 3].map((s) => r.command(ca('x'), s).previous)
        expect(previous[0]).toBeNull()
        expect(new Set(previous).size).toBe(3)
        expect(r.command(ca('x'), 2)).toMatchObject({
          sequence: 2,
          version: 1,
          commit: 2,
          actor: 'tester',
          host: 'host.example',
        })
      })
    })

    it('stores objects by hash, and reports which one is missing', async () => {
      const store = fresh()
      await store.write(async (w) => add(w, { x: ['1'] }))
      const [name, bytes] = [...objectsFor(['1'])][0]!
      expect(await store.read(async (r) => r.object(name))).toEqual(bytes)
      await expect(store.read(async (r) => r.object(sha256Hex('no')))).rejects.toMatchObject({
        kind: 'corrupt',
        code: 'object-missing',
      })
    })

    it('refuses a commit on an aggregate that has advanced, and changes nothing', async () => {
      const store = fresh()
      await store.write(async (w) => add(w, { x: ['1'] }))
      const old = await store.read(async (r) => stage(r, 'x', ['lost']))
      await store.write(async (w) => add(w, { x: ['2'] }))
      const lost = store.write(async (w) => w.commit({ meta: metaAt(9), aggregates: [old], objects: new Map() }))
      await expect(lost).rejects.toMatchObject({ kind: 'locked', code: 'commit-lost', changed: 'no', retry: true })
      expect(await store.read(async (r) => [r.head, wordsOf(r, 'x')])).toEqual([2, ['1', '2']])
    })

    it('allows several commits of one writer, each based on the one before', async () => {
      const store = fresh()
      await store.write(async (w) => {
        add(w, { x: ['1'] })
        add(w, { x: ['2'], y: ['3'] })
        expect([w.head, wordsOf(w, 'x')]).toEqual([2, ['1', '2']])
      })
      expect(await store.read(async (r) => [wordsOf(r, 'x'), wordsOf(r, 'y')])).toEqual([['1', '2'], ['3']])
    })

    it('gives a reader one revision, whatever is committed meanwhile', async () => {
      const store = fresh()
      for (let n = 0; n < 7; n++) await store.write(async (w) => add(w, { x: [`${n}`], y: [`${n}`] }))
      await store.read(async (r) => {
        expect(wordsOf(r, 'x')).toHaveLength(7)
        for (let n = 7; n < 19; n++) await store.write(async (w) => add(w, { x: [`${n}`], y: [`${n}`], z: ['new'] }))
        expect([r.head, wordsOf(r, 'y').length, r.load(ca('z')), r.roster().length]).toEqual([7, 7, undefined, 2])
      })
    })

    it('admits one writer at a time', async () => {
      const store = fresh()
      await Promise.all(Array.from({ length: 5 }, (_, n) => store.write(async (w) => add(w, { x: [`${n}`] }))))
      expect(await store.read(async (r) => [...wordsOf(r, 'x')].sort())).toEqual(['0', '1', '2', '3', '4'])
    })

    it('changes nothing if the work throws', async () => {
      const store = fresh()
      await expect(
        store.write(async (w) => {
          wordsOf(w, 'x')
          throw new Error('work')
        }),
      ).rejects.toThrow('work')
      expect(await store.read(async (r) => r.head)).toBe(0)
    })

    it('refuses what must not be stored', async () => {
      const store = fresh()
      const of = (reject: boolean) =>
        store.write(async (w) => {
          const staged = reject ? [stageRejected(w, 'x')] : [stage(w, 'x', [])]
          return w.commit({ meta: metaAt(0), aggregates: staged, objects: new Map() })
        })
      await expect(of(true)).rejects.toMatchObject({ code: 'commit-misuse' })
      await expect(of(false)).rejects.toMatchObject({ code: 'commit-misuse' })
      expect(await store.read(async (r) => [r.head, fold(r.load(ca('x'))).words])).toEqual([0, []])
    })
  })
}
