/** A table that counts how often it is copied, for rules whose cost per event must not grow with the square of what an event changes. */
import type { Table } from '../../../src/core/base/record.js'

/** Returns the table and the number of times that its keys were listed so far, which every copy does once. */
export function countedTable<V extends object>(
  table: Table<V>,
): { readonly table: Table<V>; readonly copies: () => number } {
  let copies = 0
  const counted = new Proxy(table, {
    ownKeys: (target) => {
      copies += 1
      return Reflect.ownKeys(target)
    },
  })
  return { table: counted, copies: () => copies }
}
