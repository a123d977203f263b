/** Reads desired state from TOML or JSON. Invariant: a state is returned for a file without any fault; else all faults are reported at once. */
import { AppError, rejection } from '../base/errors.js'
import type { Handle } from '../base/handle.js'
import { described } from '../config/tables.js'
import type { PlanItem } from './difference.js'
import { Findings } from './findings.js'
import { readCa } from './read-ca.js'
import { type Path, readSource, type Source, type StateFault } from './source.js'
import { type DesiredCa, type DesiredState, FORMAT } from './state.js'

export interface StateFile extends DesiredState {
  /** Returns the place of an entry in the file, for what a CA finds wrong with it. */
  readonly placeOf: (ca: Handle, item: PlanItem, name: string) => Pick<StateFault, 'place' | 'line'>
}

/** A hundred bytes for each of 300,000 ROAs; the bound protects memory from a wrong file. */
export const MAX_STATE_BYTES = 32 * 2 ** 20

/** Reads a file; `name` is for messages. Throws `state-newer` (format), and the faults of the file (usage) with their lines. */
export async function readState(text: string, name: string): Promise<StateFile> {
  if (text.length > MAX_STATE_BYTES)
    throw new AppError('usage', 'state-too-large', `${name} is larger than ${MAX_STATE_BYTES / 2 ** 20} MiB`)
  const read = await readSource(text)
  if ('fault' in read) throw unreadable(name, [read.fault])
  const source = read.ok
  const findings = new Findings(source)
  const isKnown = checkFormat(source, findings, name)
  if (!isKnown) throw unreadable(name, findings.all)
  const indexes = new Map<Handle, number>()
  const cas = readCas(source, findings, indexes)
  findings.unknownKeys([], source.root, ['format', source.casKey])
  if (findings.all.length > 0) throw unreadable(name, findings.all)
  return { cas, placeOf: places(source, cas, indexes) }
}

/** Returns false if the format is absent or is no number that a version of this program may have written. Throws `state-newer` (format). */
function checkFormat({ root }: Source, findings: Findings, name: string): boolean {
  const { format } = root
  if (format === FORMAT) return true
  if (typeof format === 'number' && Number.isInteger(format) && format > FORMAT)
    throw new AppError('format', 'state-newer', `${name} has format ${format}, this program reads format ${FORMAT}`, {
      hint: 'a newer brine wrote it: run that one',
    })
  const message =
    format === undefined ? `format = ${FORMAT} is missing` : `format must be ${FORMAT}, not ${described(format)}`
  findings.add(['format'], 'state-format', message)
  return false
}

function readCas(source: Source, findings: Findings, indexes: Map<Handle, number>): ReadonlyMap<Handle, DesiredCa> {
  const cas = new Map<Handle, DesiredCa>()
  const key = source.casKey
  for (const [index, raw] of findings.list([key], source.root[key]).entries()) {
    const path: Path = [key, index]
    const ca = readCa(raw, path, findings)
    if (ca === undefined) continue
    if (cas.has(ca.handle)) findings.add([...path, 'handle'], 'state-duplicate', `CA ${ca.handle} is in the file twice`)
    else indexes.set(ca.handle, index)
    cas.set(ca.handle, ca)
  }
  checkFamilies(cas, findings, (handle) => [key, indexes.get(handle) ?? 0])
  return cas
}

/** Finds CAs that would be below themselves, and children that the file has as CAs too. */
function checkFamilies(
  cas: ReadonlyMap<Handle, DesiredCa>,
  findings: Findings,
  pathOf: (handle: Handle) => Path,
): void {
  for (const { handle, children = new Map() } of cas.values()) {
    if (isBelow(cas, handle, handle))
      findings.add([...pathOf(handle), 'parents'], 'state-circle', `${handle} is among the parents above itself`)
    for (const [index, child] of [...children.keys()].entries())
      if (cas.get(child)?.parents?.has(handle) === true)
        findings.add(
          [...pathOf(handle), 'children', index],
          'state-child-is-ca',
          `${child} has ${handle} among its parents: leave it out of the children, which are those elsewhere`,
        )
  }
}

/** Returns true if `above` is a parent of the CA or of one of its parents. */
function isBelow(
  cas: ReadonlyMap<Handle, DesiredCa>,
  ca: Handle,
  above: Handle,
  seen: Set<string> = new Set(),
): boolean {
  if (seen.has(ca)) return false
  seen.add(ca)
  const parents = [...(cas.get(ca)?.parents?.keys() ?? [])] as Handle[]
  return parents.some((parent) => parent === above || isBelow(cas, parent, above, seen))
}

const LISTS = { parent: 'parents', child: 'children', roa: 'roas', aspa: 'aspas', router: 'routers' } as const

/** Returns the function that finds the entries of a file without duplicates: a list has them in the order of the file. */
function places(
  source: Source,
  cas: ReadonlyMap<Handle, DesiredCa>,
  indexes: ReadonlyMap<Handle, number>,
): StateFile['placeOf'] {
  const known = new Map<object, ReadonlyMap<string, number>>()
  return (handle, item, name) => {
    const path: Path = [source.casKey, indexes.get(handle) ?? 0]
    const list = item === 'ca' ? undefined : cas.get(handle)?.[LISTS[item]]
    if (item === 'ca' || list === undefined) return source.placeOf(path)
    const positions = known.get(list) ?? new Map([...list.keys()].map((key, at) => [key, at] as const))
    known.set(list, positions)
    const at = positions.get(name)
    return source.placeOf(at === undefined ? path : [...path, LISTS[item], at])
  }
}

/** Returns the error that names each fault with its place. */
function unreadable(name: string, faults: readonly StateFault[]): AppError {
  const violations = faults.map(({ code, message, place, line }) => ({
    code,
    message: place === '' ? message : `${place}: ${message}`,
    ...(line === undefined ? {} : { details: { line } }),
  }))
  const { code, message, details } = rejection(violations)
  return new AppError('usage', code, `${name}: ${message}`, {
    details,
    hint: 'brine export writes the form of the file',
  })
}
