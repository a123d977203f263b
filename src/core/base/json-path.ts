/** Paths inside JSON values (JSONPath, RFC 9535) and the differences between two values. */
import { canonicalJson, type Json } from './json.js'

/** A path at which two values differ; undefined on the side that lacks it. */
export interface Difference {
  readonly path: string
  readonly before: Json | undefined
  readonly after: Json | undefined
}

type Parent = readonly Json[] | Readonly<Record<string, Json>>

/** Returns the path of a member: `$.roas`, `$['192.0.2.0/24 => 64496']`, `$[0]`. */
export function jsonPath(parent: string, key: string | number): string {
  if (typeof key === 'number') return `${parent}[${key}]`
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(key)) return `${parent}.${key}`
  const text = JSON.stringify(key).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")
  return `${parent}['${text}']`
}

/** Returns the deepest path that contains the first difference of two values. */
export function firstDifference(a: Json, b: Json, path: string): string {
  if (!isParent(a) || !isParent(b) || Array.isArray(a) !== Array.isArray(b)) return path
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])]
  for (const key of Array.isArray(a) ? keys : keys.sort()) {
    const [left, right] = [member(a, key), member(b, key)]
    const at = jsonPath(path, Array.isArray(a) ? Number(key) : key)
    if (left === undefined || right === undefined) return at
    if (canonicalJson(left) !== canonicalJson(right)) return firstDifference(left, right, at)
  }
  return path
}

/**
 * Returns every path at which two values differ, in the order of keys. Lists are aligned by items that both have (same reference, same
 * name, or equal plain values) in the same order; between two matches, items are compared one by one. A removed item has its old path.
 */
export function differences(before: Json, after: Json, path = '$'): readonly Difference[] {
  return [...between(before, after, path)]
}

function* between(before: Json | undefined, after: Json | undefined, path: string): Generator<Difference> {
  if (before === after) return
  if (isList(before) && isList(after)) yield* listsBetween(before, after, path)
  else if (isTable(before) && isTable(after))
    for (const key of differingKeys(before, after).sort())
      yield* between(member(before, key), member(after, key), jsonPath(path, key))
  else yield { path, before, after }
}

/** Compares references first: a state shares unchanged members with the state it was made from, so large tables are skipped quickly. */
function differingKeys(before: Readonly<Record<string, Json>>, after: Readonly<Record<string, Json>>): string[] {
  const keys = Object.keys(before).filter((key) => before[key] !== member(after, key))
  for (const key of Object.keys(after)) if (!Object.hasOwn(before, key)) keys.push(key)
  return keys
}

function* listsBetween(before: readonly Json[], after: readonly Json[], path: string): Generator<Difference> {
  let [left, right] = [0, 0]
  for (const [l, r] of [...matches(before, after), [before.length, after.length] as const]) {
    // equal numbers were removed and added: compare them pairwise
    if (l - left === r - right)
      for (; left < l; left++, right++) yield* between(before[left], after[right], jsonPath(path, right))
    for (; left < l; left++) yield { path: jsonPath(path, left), before: before[left], after: undefined }
    for (; right < r; right++) yield { path: jsonPath(path, right), before: undefined, after: after[right] }
    yield* between(before[l], after[r], jsonPath(path, r))
    left = l + 1
    right = r + 1
  }
}

/** Returns the positions of items that both lists have, increasing in both. */
function matches(before: readonly Json[], after: readonly Json[]): readonly (readonly [number, number])[] {
  const places = new Map<Json, number>()
  for (const [i, item] of before.entries()) if (!places.has(identityOf(item))) places.set(identityOf(item), i)
  const out: (readonly [number, number])[] = []
  let next = 0
  for (const [i, item] of after.entries()) {
    const place = places.get(identityOf(item))
    if (place === undefined || place < next) continue
    out.push([place, i])
    next = place + 1
  }
  return out
}

/** Members that identify an item of a list when its other members change. */
const NAMES = ['ski', 'serial', 'name']

function identityOf(item: Json): Json {
  if (!isTable(item)) return item
  const name = NAMES.find((key) => typeof item[key] === 'string' || typeof item[key] === 'number')
  return name === undefined ? item : `${name} ${item[name]}`
}

function member(parent: Parent, key: string): Json | undefined {
  return Object.hasOwn(parent, key) ? (parent as Readonly<Record<string, Json>>)[key] : undefined
}

function isParent(value: Json | undefined): value is Parent {
  return typeof value === 'object' && value !== null
}

function isTable(value: Json | undefined): value is Readonly<Record<string, Json>> {
  return isParent(value) && !isList(value)
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value)
}
