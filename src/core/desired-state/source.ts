/** The text of a desired-state file as raw values, with the place of each value for messages. */
import { readJson } from '../base/json-reader.js'
import { syntaxFaultOf } from '../config/blocks.js'
import { lineAt, linesOf } from '../config/lines.js'
import { elementLines } from './element-lines.js'

/** Keys and indexes below the document: `['ca', 0, 'roas', 3]`. */
export type Path = readonly (string | number)[]

/** A fault of the file. */
export interface StateFault {
  readonly code: string
  /** One sentence, without the place. */
  readonly message: string
  /** `line 4`, in JSON `cas[0].roas[3]`. */
  readonly place: string
  readonly line?: number
}

export interface Source {
  readonly root: Readonly<Record<string, unknown>>
  /** Key of the list of CAs: `ca` in TOML, where each is a table [[ca]], `cas` in JSON. */
  readonly casKey: 'ca' | 'cas'
  /** Returns the place of a value, or of what is around it. */
  readonly placeOf: (path: Path) => Pick<StateFault, 'place' | 'line'>
}

/** Reads TOML, or JSON if the text begins with a brace. Returns the fault of a text that is neither. */
export async function readSource(text: string): Promise<{ readonly ok: Source } | { readonly fault: StateFault }> {
  const content = text.replace(/^\uFEFF/, '')
  if (content.trim() === '') return { fault: { code: 'state-empty', message: 'the file is empty', place: '' } }
  return /^\s*\{/.test(content) ? readJsonSource(content) : readTomlSource(content)
}

function readJsonSource(text: string): { readonly ok: Source } | { readonly fault: StateFault } {
  const read = readJson(text)
  if ('fault' in read) {
    const { line, column, message } = read.fault
    return { fault: { code: 'state-syntax', message: `not JSON, column ${column}: ${message}`, ...onLine(line) } }
  }
  if (typeof read.ok !== 'object' || read.ok === null || Array.isArray(read.ok))
    return { fault: { code: 'state-syntax', message: 'the JSON is not an object', place: '' } }
  const root = read.ok as Readonly<Record<string, unknown>>
  return { ok: { root, casKey: 'cas', placeOf: (path) => ({ place: jsonPlace(path) }) } }
}

function jsonPlace(path: Path): string {
  return path.map((part, at) => (typeof part === 'number' ? `[${part}]` : at === 0 ? part : `.${part}`)).join('')
}

async function readTomlSource(text: string): Promise<{ readonly ok: Source } | { readonly fault: StateFault }> {
  const { parse } = await import('smol-toml')
  try {
    return { ok: { root: parse(text), casKey: 'ca', placeOf: tomlPlaces(text) } }
  } catch (error) {
    const { line, message } = syntaxFaultOf(error)
    return { fault: { code: 'state-syntax', message, ...onLine(line) } }
  }
}

/** Returns the function that finds lines. The text is searched only when a place is asked for. */
function tomlPlaces(text: string): Source['placeOf'] {
  let known: { readonly lines: readonly string[]; readonly keys: ReadonlyMap<string, number> } | undefined
  const elements = new Map<string, readonly number[]>()
  return (path) => {
    known ??= { lines: text.split('\n'), keys: linesOf(text) }
    const at = path.findLastIndex((part) => typeof part === 'number')
    const list = path.slice(0, at)
    const start = known.keys.get(list.join('\0'))
    const index = path[at]
    // each table of [[ca]] has lines of its own
    if (typeof index !== 'number' || start === undefined || known.keys.has(path.slice(0, at + 1).join('\0')))
      return onLine(lineAt(known.keys, path))
    const found = elements.get(list.join('\0')) ?? elementLines(known.lines, start)
    elements.set(list.join('\0'), found)
    return onLine(found[index] ?? start)
  }
}

function onLine(line: number): Pick<StateFault, 'place' | 'line'> {
  return { place: `line ${line}`, line }
}
