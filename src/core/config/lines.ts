/** Line numbers of tables and keys in a TOML text, for messages. Lines count from 1. */

/** A place: table names and keys, and the index of a `[[table]]` among those of its name: `['ca', 1, 'file', 'ca_cert']`. */
export type Place = readonly (string | number)[]

const HEADER = /^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$/
const KEY = /^\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+))*)\s*=/

/** Returns the lines by place. Keys inside of multi-line strings can give a wrong line, never a wrong value. */
export function linesOf(text: string): ReadonlyMap<string, number> {
  const lines = new Map<string, number>()
  const counts = new Map<string, number>()
  let here: Place = []
  for (const [index, line] of text.split('\n').entries()) {
    const header = HEADER.exec(line)
    const key = header === null ? KEY.exec(line) : null
    if (header !== null) here = tableAt(split(header[2] ?? ''), header[1] === '[[', counts)
    const place = header !== null ? here : key === null ? undefined : [...here, ...split(key[1] ?? '')]
    if (place !== undefined && !lines.has(place.join('\0'))) lines.set(place.join('\0'), index + 1)
  }
  return lines
}

/** Returns the line of a place, or of the innermost table around it that has one; of the first table below; 1 if none has. */
export function lineAt(lines: ReadonlyMap<string, number>, place: Place): number {
  for (let length = place.length; length > 0; length--) {
    const line = lines.get(place.slice(0, length).join('\0'))
    if (line !== undefined) return line
  }
  const below = `${place[0]}\0`
  for (const [path, line] of lines) if (path.startsWith(below)) return line
  return 1
}

/** Returns the place of a table header: `[[a]]` begins the next table of its name; `[a.b]` belongs to the last `[[a]]` if there is one. */
function tableAt(names: readonly string[], isArray: boolean, counts: Map<string, number>): Place {
  const place: (string | number)[] = []
  for (const [depth, name] of names.entries()) {
    place.push(name)
    const path = place.join('\0')
    if (isArray && depth === names.length - 1) counts.set(path, (counts.get(path) ?? -1) + 1)
    const number = counts.get(path)
    if (number !== undefined) place.push(number)
  }
  return place
}

function split(path: string): readonly string[] {
  return [...path.matchAll(/"([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+)/g)].map((m) => m[1] ?? m[2] ?? m[3] ?? '')
}
