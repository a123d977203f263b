/** Keys and types of a JSON value, without its values: what a golden file pins of a report. */

export type Shape = string | { readonly [key: string]: Shape } | readonly Shape[]

/** Members that are tables by name, or states, events and arguments of any kind: their keys are data. */
const OPEN = new Set(['args', 'event', 'state', 'before', 'after', 'fields', 'ee', 'details', 'kinds'])

/** Returns the shape of a value: `string`, `number|null`, an object of shapes, a list with the one shape of its items. */
export function shapeOf(value: unknown): Shape {
  if (value === null) return 'null'
  if (Array.isArray(value)) return value.length === 0 ? [] : [value.map(shapeOf).reduce(merged)]
  if (typeof value !== 'object') return typeof value
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      key,
      OPEN.has(key) && typeof member === 'object' && member !== null ? 'any' : shapeOf(member),
    ]),
  )
}

/** Returns the shape of what has one shape or the other. A key that one of them lacks ends with `?`. */
export function merged(a: Shape, b: Shape): Shape {
  if (Array.isArray(a) && Array.isArray(b)) {
    const items = [...(a as readonly Shape[]), ...(b as readonly Shape[])]
    return items.length === 0 ? [] : [items.reduce(merged)]
  }
  if (isObject(a) && isObject(b)) return mergedObjects(a, b)
  if (typeof a === 'string' && typeof b === 'string')
    return [...new Set([...a.split('|'), ...b.split('|')])].sort().join('|')
  const [whole, other] = typeof a === 'string' ? [b, a] : [a, b]
  return other === 'null' || typeof other !== 'string' ? { 'null or': whole } : { [`${other} or`]: whole }
}

function mergedObjects(a: { readonly [key: string]: Shape }, b: { readonly [key: string]: Shape }): Shape {
  if ('null or' in a || 'null or' in b) return { 'null or': merged(a['null or'] ?? a, b['null or'] ?? b) }
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)].map((key) => key.replace(/\?$/, '')))]
  return Object.fromEntries(
    names.map((name) => {
      const [left, right] = [a[name] ?? a[`${name}?`], b[name] ?? b[`${name}?`]]
      const always = name in a && name in b
      const shape = left === undefined ? right : right === undefined ? left : merged(left, right)
      return [always ? name : `${name}?`, shape ?? 'null']
    }),
  )
}

function isObject(shape: Shape): shape is { readonly [key: string]: Shape } {
  return typeof shape === 'object' && !Array.isArray(shape)
}
