/** Places in a state in words: `$.classes['0'].keys[0].certificate` is `class 0 key 0 certificate`. */

const WORDS: Readonly<Record<string, string>> = {
  roas: 'ROA',
  classes: 'class',
  keys: 'key',
  children: 'child',
  parents: 'parent',
  issued: 'certificate of key',
  publishers: 'publisher',
  objects: 'object',
  requests: 'request',
  certificates: 'certificate',
  passwords: 'password',
  groups: 'group',
  cas: 'CA',
  deltas: 'delta',
  point: 'manifest and CRL',
}

/** Returns the members of a JSON path (RFC 9535), without `$`. */
export function pathMembers(path: string): readonly string[] {
  return [...path.matchAll(/\.([A-Za-z_]\w*)|\['((?:[^'\\]|\\.)*)'\]|\[(\d+)\]/g)].map(
    ([, name, quoted, index]) => name ?? index ?? (quoted ?? '').replaceAll(/\\(.)/g, '$1'),
  )
}

/** Returns the place in words. */
export function placeText(path: string): string {
  return pathMembers(path)
    .map((member) => WORDS[member] ?? member)
    .join(' ')
}
