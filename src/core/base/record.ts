/** Immutable tables keyed by names from untrusted input: `__proto__` and `constructor` are ordinary names. */

export type Table<V> = Readonly<Record<string, V>>

/** Returns the entry under `key`, or undefined. Never an inherited property. */
export function entry<V>(table: Table<V>, key: string): V | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined
}

/** Returns a copy with `key` set to `value`. */
export function withEntry<V>(table: Table<V>, key: string, value: V): Table<V> {
  return { ...table, [key]: value }
}

/** Returns a copy without `key`, or the same table if it has no such entry. */
export function withoutEntry<V>(table: Table<V>, key: string): Table<V> {
  if (!Object.hasOwn(table, key)) return table
  const { [key]: _dropped, ...rest } = table
  return rest
}

/** Returns a copy with several entries set and others removed, in one pass. */
export function withEntries<V>(
  table: Table<V>,
  put: Iterable<readonly [string, V]>,
  drop: Iterable<string> = [],
): Table<V> {
  // key by key: `delete` turns an object into a hash table, and copying such a one again and again takes five times as long
  const copy: Record<string, V> = {}
  const dropped = new Set(drop)
  for (const key of Object.keys(table)) if (!dropped.has(key)) define(copy, key, table[key] as V)
  for (const [key, value] of put) define(copy, key, value)
  return copy
}

/** Returns a copy with each entry replaced by what `change` returns for it; the same table if it is empty. */
export function mapEntries<V>(table: Table<V>, change: (value: V) => V): Table<V> {
  const entries = Object.entries(table)
  return entries.length === 0
    ? table
    : withEntries<V>(
        {},
        entries.map(([key, value]) => [key, change(value)] as const),
      )
}

function define<V>(target: Record<string, V>, key: string, value: V): void {
  if (key === '__proto__')
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
  else target[key] = value
}

/** Returns the entries in code-unit order of their keys. */
export function sortedEntries<V>(table: Table<V>): [string, V][] {
  return Object.entries(table).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
}
