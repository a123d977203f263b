/** Reads one CA of a desired-state file. */
import { AppError, type Violation } from '../base/errors.js'
import { type Handle, parseHandle } from '../base/handle.js'
import type { Json } from '../base/json.js'
import { described, isTable } from '../config/tables.js'
import { formatResources, parseResources } from '../resources/resource-set.js'
import { parseRoaRow } from '../resources/roa-delta-json.js'
import { formatRoaPayload, type ParsedRoa, parseRoaPayload } from '../resources/roa-payload.js'
import { MAX_ROA_LINES, tooManyRoas } from '../resources/roa-request.js'
import { readAspas } from './aspas.js'
import type { Findings } from './findings.js'
import { readRouters } from './routers.js'
import type { Path } from './source.js'
import type { DesiredCa } from './state.js'

const KEYS = ['handle', 'parents', 'children', 'roas', 'aspas', 'routers']
const SHARE_KEYS = ['handle', 'resources']
const ROA_KEYS = ['prefix', 'maxLength', 'asn', 'comment']

/** Returns the CA, as far as it could be read; undefined if it has no handle. Faults are added to `findings`. */
export function readCa(raw: unknown, path: Path, findings: Findings): DesiredCa | undefined {
  const table = findings.table(path, raw, 'a CA')
  if (table === undefined) return undefined
  findings.unknownKeys(path, table, KEYS)
  const handle = readHandle(path, table, findings)
  const lists = {
    ...(table['parents'] === undefined
      ? {}
      : { parents: readShares([...path, 'parents'], table['parents'], findings) }),
    ...(table['children'] === undefined
      ? {}
      : { children: readShares([...path, 'children'], table['children'], findings) }),
    ...(table['roas'] === undefined ? {} : { roas: readRoas([...path, 'roas'], table['roas'], findings) }),
    ...(table['aspas'] === undefined ? {} : { aspas: readAspas([...path, 'aspas'], table['aspas'], findings) }),
    ...(table['routers'] === undefined
      ? {}
      : { routers: readRouters([...path, 'routers'], table['routers'], findings) }),
  }
  return handle === undefined ? undefined : { handle, ...lists }
}

function readHandle(path: Path, table: Readonly<Record<string, unknown>>, findings: Findings): Handle | undefined {
  const text = findings.text(path, table, 'handle')
  if (text === undefined) return undefined
  try {
    return parseHandle(text)
  } catch (error) {
    findings.add([...path, 'handle'], 'handle-invalid', messageOf(error))
    return undefined
  }
}

/** Reads `{ handle, resources }` rows. */
function readShares(path: Path, raw: unknown, findings: Findings): ReadonlyMap<string, string> {
  const shares = new Map<string, string>()
  for (const [index, item] of findings.list(path, raw).entries()) {
    const at: Path = [...path, index]
    const table = findings.table(at, item, String(path.at(-1)))
    if (table === undefined) continue
    findings.unknownKeys(at, table, SHARE_KEYS)
    const handle = readHandle(at, table, findings)
    const text = findings.text(at, table, 'resources')
    if (handle === undefined || text === undefined) continue
    if (shares.has(handle)) findings.add(at, 'state-duplicate', `${handle} is in ${String(path.at(-1))} twice`)
    try {
      shares.set(handle, formatResources(parseResources(text)))
    } catch (error) {
      findings.add([...at, 'resources'], 'resources-invalid', messageOf(error))
    }
  }
  return shares
}

/** Reads ROAs as text `P-L => ASN # comment` or as rows. */
function readRoas(path: Path, raw: unknown, findings: Findings): ReadonlyMap<string, string | null> {
  const roas = new Map<string, string | null>()
  const items = findings.list(path, raw)
  if (items.length > MAX_ROA_LINES) {
    findings.add(path, 'roa-too-many', tooManyRoas().message)
    return roas
  }
  for (const [index, item] of items.entries()) {
    const parsed = parseItem(item, [...path, index], findings)
    if ('faults' in parsed) {
      for (const { code, message } of parsed.faults) findings.add([...path, index], code, message)
      continue
    }
    const text = formatRoaPayload(parsed.ok.payload)
    if (roas.has(text)) findings.add([...path, index], 'state-duplicate', `${text} is in the list twice`)
    roas.set(text, parsed.ok.comment ?? null)
  }
  return roas
}

function parseItem(item: unknown, path: Path, findings: Findings): ParsedRoa {
  if (typeof item === 'string') return parseRoaPayload(item)
  if (!isTable(item)) return { faults: [fault(`a ROA must be a string or a table, not ${described(item)}`)] }
  findings.unknownKeys(path, item, ROA_KEYS)
  return parseRoaRow(item as Json)
}

function fault(message: string): Violation {
  return { code: 'state-type', message }
}

function messageOf(error: unknown): string {
  if (error instanceof AppError) return error.message.replaceAll(/\n +/g, '; ')
  throw error
}
