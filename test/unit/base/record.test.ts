/** Tables against a Map: names that mean something to the language mean nothing here. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  entry,
  sortedEntries,
  type Table,
  withEntries,
  withEntry,
  withoutEntry,
} from '../../../src/core/base/record.js'

const HOSTILE = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', '', '0', '10', '9']
const key = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ maxLength: 3 }))
const change = fc.record({ put: fc.boolean(), key, value: fc.integer() })

describe('tables', () => {
  it('hold nothing that was not put there', () => {
    for (const name of HOSTILE) expect(entry({}, name)).toBeUndefined()
  })

  it.each(HOSTILE)('keep, store, list and drop %j like any other name', (name) => {
    const value = { polluted: true }
    for (const table of [withEntry({}, name, value), withEntries({}, [[name, value]])]) {
      expect(entry(table, name)).toBe(value)
      expect(Object.getPrototypeOf(table)).toBe(Object.prototype)
      expect(sortedEntries(table)).toEqual([[name, value]])
      expect(entry(JSON.parse(JSON.stringify(table)) as Table<unknown>, name)).toEqual(value)
      expect(
        sortedEntries(withEntry(table, 'other', value))
          .map(([k]) => k)
          .sort(),
      ).toEqual([name, 'other'].sort())
      expect(sortedEntries(withoutEntry(table, name))).toEqual([])
      expect(sortedEntries(withEntries(table, [], [name]))).toEqual([])
    }
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  it('behave as a Map through any changes, and leave the table before alone', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 20 }), (changes) => {
        let table: Table<number> = {}
        const model = new Map<string, number>()
        for (const { put, key: name, value } of changes) {
          const before = sortedEntries(table)
          const next = put ? withEntry(table, name, value) : withoutEntry(table, name)
          expect(sortedEntries(table)).toEqual(before)
          if (put) model.set(name, value)
          else model.delete(name)
          table = next
        }
        expect(sortedEntries(table)).toEqual([...model].sort(([a], [b]) => (a < b ? -1 : 1)))
      }),
    )
  })

  it('drop before they put, in one pass', () => {
    expect(
      sortedEntries(
        withEntries(
          { a: 1, b: 2 },
          [
            ['a', 3],
            ['c', 4],
          ],
          ['a', 'b', 'nothing'],
        ),
      ),
    ).toEqual([
      ['a', 3],
      ['c', 4],
    ])
  })

  it('stay the same table when nothing was there to drop', () => {
    const table = { a: 1 }
    expect(withoutEntry(table, '__proto__')).toBe(table)
  })
})
