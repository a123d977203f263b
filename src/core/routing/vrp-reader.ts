/** Reads the VRPs of a validator from its JSON, in pieces: rpki-client (`-j`) and Routinator (`json`, `jsonext`), which RIPE and others serve too. */
import { epochOf, parseInstant } from '../base/time.js'
import { addressBits } from '../resources/address.js'
import { parseAsn } from '../resources/asn.js'
import { parsePrefix, prefixRange } from '../resources/prefix.js'
import { overlapsRange } from '../resources/ranges.js'
import type { ResourceSet, RoaPayload } from '../resources/types.js'
import { JsonRows } from './json-rows.js'

export interface VrpFile {
  /** VRPs that cover addresses of the scope or lie in it, each once. */
  readonly vrps: readonly RoaPayload[]
  /** VRPs of the document. */
  readonly count: number
  /** Rows that are no VRP. */
  readonly unreadable: number
  /** VRPs that had expired. */
  readonly expired: number
  /** Seconds since 1970 at which the validator made it; undefined if it does not say. */
  readonly made: number | undefined
}

/** Takes the bytes of one document: `push` each piece, then `end`. */
export class VrpReader {
  readonly #now: number
  readonly #scope: Pick<ResourceSet, 'ipv4' | 'ipv6'>
  readonly #rows = new JsonRows((member, row) => this.#take(member, row))
  readonly #vrps = new Map<string, RoaPayload>()
  #count = 0
  #unreadable = 0
  #expired = 0
  #made: number | undefined

  /** `now` in seconds since 1970: VRPs that expired before are left out. */
  constructor(scope: Pick<ResourceSet, 'ipv4' | 'ipv6'>, now: number) {
    this.#scope = scope
    this.#now = now
  }

  /** Throws SyntaxError and RangeError as `JsonRows` does. */
  push(piece: Uint8Array): void {
    this.#rows.push(piece)
  }

  end(): VrpFile {
    this.#rows.end()
    const [count, unreadable, expired] = [this.#count, this.#unreadable, this.#expired]
    return { vrps: [...this.#vrps.values()], count, unreadable, expired, made: this.#made }
  }

  #take(member: string, row: unknown): void {
    if (member === 'metadata') this.#made = timeOf(row)
    if (member !== 'roas') return
    const payload = payloadOf(row)
    if (payload === undefined) {
      this.#unreadable += 1
      return
    }
    this.#count += 1
    const expires = Reflect.get(row as object, 'expires')
    if (typeof expires === 'number' && expires < this.#now) this.#expired += 1
    else if (this.#touches(payload)) this.#vrps.set(keyOf(payload), payload)
  }

  /** Returns true if the VRP shares addresses with the scope. */
  #touches({ prefix }: RoaPayload): boolean {
    return overlapsRange(prefix.family === 4 ? this.#scope.ipv4 : this.#scope.ipv6, prefixRange(prefix))
  }
}

function keyOf({ asn, prefix, maxLength }: RoaPayload): string {
  return `${prefix.address}/${prefix.length}-${maxLength} ${asn} ${prefix.family}`
}

function payloadOf(row: unknown): RoaPayload | undefined {
  if (typeof row !== 'object' || row === null) return undefined
  const [asn, prefix, maxLength] = ['asn', 'prefix', 'maxLength'].map((name): unknown => Reflect.get(row, name))
  const origin = typeof asn === 'number' || typeof asn === 'string' ? parseAsn(String(asn)) : undefined
  const parsed = typeof prefix === 'string' ? parsePrefix(prefix) : undefined
  if (origin === undefined || parsed === undefined || 'fault' in parsed) return undefined
  const { length, family } = parsed.ok
  const longest = maxLength ?? length
  const fits =
    typeof longest === 'number' && Number.isInteger(longest) && longest >= length && longest <= addressBits(family)
  return fits ? { asn: origin, prefix: parsed.ok, maxLength: longest } : undefined
}

/** Returns when a document was made: `buildtime` of rpki-client, `generated` or `generatedTime` of Routinator. */
function timeOf(row: unknown): number | undefined {
  if (typeof row !== 'object' || row === null) return undefined
  const generated: unknown = Reflect.get(row, 'generated')
  if (typeof generated === 'number') return generated
  for (const name of ['buildtime', 'generatedTime']) {
    const text: unknown = Reflect.get(row, name)
    const instant = typeof text === 'string' ? parseInstant(text) : undefined
    if (instant !== undefined) return epochOf(instant)
  }
  return undefined
}
