/**
 * Interval algebra over integers. Invariant: every list passed in or returned is canonical (sorted, disjoint, adjacent
 * ranges joined: RFC 3779 sections 2.2.3.6 and 3.2.3.4); only `canonicalRanges` accepts any list. Every operation is linear.
 */

export interface Range<T> {
  readonly min: T
  readonly max: T
}

/** Successor and predecessor of an integer, for numbers and bigints. */
export interface Steps<T> {
  readonly after: (value: T) => T
  readonly before: (value: T) => T
}

type Int = number | bigint

export const NUMBER_STEPS: Steps<number> = { after: (n) => n + 1, before: (n) => n - 1 }
export const BIGINT_STEPS: Steps<bigint> = { after: (n) => n + 1n, before: (n) => n - 1n }

function byMin<T extends Int>(a: Range<T>, b: Range<T>): number {
  return a.min < b.min ? -1 : a.min > b.min ? 1 : 0
}

/** Returns ranges in any order, none reversed, as a canonical list. */
export function canonicalRanges<T extends Int>(ranges: readonly Range<T>[], steps: Steps<T>): Range<T>[] {
  return joined([...ranges].sort(byMin), steps)
}

/** Returns true if the list is canonical. Decoders refuse others (RFC 3779 section 2.2.3.6). */
export function isCanonical<T extends Int>(ranges: readonly Range<T>[], steps: Steps<T>): boolean {
  return ranges.every((range, i) => {
    const last = ranges[i - 1]
    return range.min <= range.max && (last === undefined || range.min > steps.after(last.max))
  })
}

/** Joins overlapping and adjacent neighbours of a list sorted by `min`. */
function joined<T extends Int>(sorted: readonly Range<T>[], steps: Steps<T>): Range<T>[] {
  const out: Range<T>[] = []
  for (const range of sorted) {
    const last = out.at(-1)
    if (last === undefined || range.min > steps.after(last.max)) out.push(range)
    else if (range.max > last.max) out[out.length - 1] = { min: last.min, max: range.max }
  }
  return out
}

/** Returns the union. */
export function unionRanges<T extends Int>(
  a: readonly Range<T>[],
  b: readonly Range<T>[],
  steps: Steps<T>,
): readonly Range<T>[] {
  if (a.length === 0) return b
  if (b.length === 0) return a
  const merged: Range<T>[] = []
  let j = 0
  for (const range of a) {
    for (let other = b[j]; other !== undefined && other.min < range.min; other = b[j]) {
      merged.push(other)
      j += 1
    }
    merged.push(range)
  }
  return joined(merged.concat(b.slice(j)), steps)
}

/** Returns the intersection. */
export function intersectRanges<T extends Int>(a: readonly Range<T>[], b: readonly Range<T>[]): Range<T>[] {
  const out: Range<T>[] = []
  let i = 0
  let j = 0
  for (;;) {
    const x = a[i]
    const y = b[j]
    if (x === undefined || y === undefined) return out
    const min = x.min > y.min ? x.min : y.min
    const max = x.max < y.max ? x.max : y.max
    if (min <= max) out.push({ min, max })
    if (x.max < y.max) i += 1
    else j += 1
  }
}

/** Returns the parts of `a` that are not in `b`. */
export function subtractRanges<T extends Int>(
  a: readonly Range<T>[],
  b: readonly Range<T>[],
  steps: Steps<T>,
): readonly Range<T>[] {
  if (a.length === 0 || b.length === 0) return a
  const out: Range<T>[] = []
  let j = 0
  for (const range of a) {
    let min = range.min
    for (let revision = b[j]; revision !== undefined && revision.min <= range.max; revision = b[j]) {
      if (revision.min > min) out.push({ min, max: steps.before(revision.min) })
      if (revision.max >= min) min = steps.after(revision.max)
      // a subtracted range that extends past this one may also reach the next
      if (revision.max > range.max) break
      j += 1
    }
    if (min <= range.max) out.push({ min, max: range.max })
  }
  return out
}

/** Returns true if `outer` contains `inner`. */
export function coversRanges<T extends Int>(outer: readonly Range<T>[], inner: readonly Range<T>[]): boolean {
  let i = 0
  return inner.every((range) => {
    let hit = outer[i]
    while (hit !== undefined && hit.max < range.min) {
      i += 1
      hit = outer[i]
    }
    return hit !== undefined && hit.min <= range.min && range.max <= hit.max
  })
}

/** Returns true if the list contains the range. */
export function coversRange<T extends Int>(outer: readonly Range<T>[], range: Range<T>): boolean {
  const hit = firstUpTo(outer, range.min)
  return hit !== undefined && hit.min <= range.min && range.max <= hit.max
}

/** Returns true if the list and the range have anything in common. */
export function overlapsRange<T extends Int>(list: readonly Range<T>[], range: Range<T>): boolean {
  const hit = firstUpTo(list, range.min)
  return hit !== undefined && hit.min <= range.max
}

/** Returns the first range that does not end before `min`. Binary search. */
function firstUpTo<T extends Int>(list: readonly Range<T>[], min: T): Range<T> | undefined {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const there = list[middle]
    if (there !== undefined && there.max < min) low = middle + 1
    else high = middle
  }
  return list[low]
}

export function equalRanges<T extends Int>(a: readonly Range<T>[], b: readonly Range<T>[]): boolean {
  return a.length === b.length && a.every((range, i) => range.min === b[i]?.min && range.max === b[i]?.max)
}
