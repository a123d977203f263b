/** Reads dumps of announcements in pieces of any size: what lies in a scope becomes rows, everything else is counted. */
import { printable } from '../base/text.js'
import { coversRange, overlapsRange, type Range } from '../resources/ranges.js'
import type { Family, ResourceSet } from '../resources/types.js'
import {
  AnnouncementRows,
  type Announcements,
  lastAddress,
  PEERS_UNKNOWN,
  type RouteAddress,
  routeRange,
} from './announcements.js'
import { type LineKind, newLineValues, readLine } from './dump-line.js'

/** Numbers of the lines of a dump, and its first lines that could not be read. */
export interface DumpCounts {
  readonly routes: number
  /** Routes whose origin is a set of ASes: RFC 6811 gives them no origin. */
  readonly asSets: number
  /** Routes with bits beyond their length. */
  readonly hostBits: number
  /** Lines in none of the formats. */
  readonly unreadable: number
  /** Routes in the scope that fewer peers see than asked for. */
  readonly fewPeers: number
  readonly examples: readonly { readonly line: number; readonly text: string }[]
}

export interface Dump {
  readonly ipv4: Announcements
  readonly ipv6: Announcements
  readonly counts: DumpCounts
}

export interface DumpOptions {
  /** Only routes that lie in these addresses become rows. */
  readonly scope: Pick<ResourceSet, 'ipv4' | 'ipv6'>
  /** True if routes that share any address with the scope become rows: those that cover a host of the scope. */
  readonly overlapping?: boolean
  /** Only routes that so many peers see become rows; a route without a number does. */
  readonly minPeers: number
}

const MAX_EXAMPLES = 3
/** Lines of dumps have some forty bytes; what is longer is not one, and is not kept in memory. */
const MAX_LINE = 1024
const LINE_FEED = 10

/** Takes the bytes of one file after the other: `push` each piece, `endFile` after each file, then `dump`. */
export class DumpReader {
  readonly #minPeers: number
  readonly #isWanted: typeof coversRange
  readonly #values = newLineValues()
  readonly #rows = { 4: new AnnouncementRows(4), 6: new AnnouncementRows(6) }
  readonly #scope: Readonly<Record<Family, readonly Range<RouteAddress>[]>>
  readonly #kinds: Record<LineKind, number> = {
    route: 0,
    blank: 0,
    comment: 0,
    header: 0,
    asSet: 0,
    hostBits: 0,
    unreadable: 0,
  }
  readonly #examples: { line: number; text: string }[] = []
  #fewPeers = 0
  #line = 0
  /** The beginning of a line whose end has not come yet. */
  #open: Uint8Array = new Uint8Array(0)

  constructor({ scope, minPeers, overlapping }: DumpOptions) {
    this.#minPeers = minPeers
    this.#isWanted = overlapping === true ? overlapsRange : coversRange
    this.#scope = {
      4: scope.ipv4.map((range) => routeRange(range, 4)),
      6: scope.ipv6.map((range) => routeRange(range, 6)),
    }
  }

  push(piece: Uint8Array): void {
    let start = 0
    if (this.#open.length > 0) {
      const end = piece.indexOf(LINE_FEED)
      this.#keepOpen(piece.subarray(0, end < 0 ? piece.length : end))
      if (end < 0) return
      this.#endOpen()
      start = end + 1
    }
    for (let end = piece.indexOf(LINE_FEED, start); end >= 0; end = piece.indexOf(LINE_FEED, start)) {
      this.#read(piece, start, end)
      start = end + 1
    }
    this.#keepOpen(piece.subarray(start))
  }

  /** Ends a file: its last line may lack the line feed. */
  endFile(): void {
    if (this.#open.length > 0) this.#endOpen()
    this.#line = 0
  }

  /** Number of announcements read so far, within the scope or not. */
  get routes(): number {
    return this.#kinds.route + this.#kinds.asSet + this.#kinds.hostBits
  }

  dump(): Dump {
    const { route: routes, asSet: asSets, hostBits, unreadable } = this.#kinds
    const counts = { routes, asSets, hostBits, unreadable, fewPeers: this.#fewPeers, examples: this.#examples }
    return { ipv4: this.#rows[4].sorted(), ipv6: this.#rows[6].sorted(), counts }
  }

  #keepOpen(part: Uint8Array): void {
    const room = Math.max(0, MAX_LINE + 1 - this.#open.length)
    this.#open = Buffer.concat([this.#open, part.subarray(0, room)])
  }

  #endOpen(): void {
    const line = this.#open
    this.#open = new Uint8Array(0)
    this.#read(line, 0, line.length)
  }

  #read(bytes: Uint8Array, start: number, end: number): void {
    this.#line += 1
    const kind = end - start > MAX_LINE ? 'unreadable' : readLine(bytes, start, end, this.#values)
    this.#kinds[kind] += 1
    if (kind === 'route') this.#take()
    else if (kind === 'unreadable' && this.#examples.length < MAX_EXAMPLES) {
      const text = Buffer.from(bytes.subarray(start, Math.min(end, start + 60))).toString('latin1')
      this.#examples.push({ line: this.#line, text: printable(text) })
    }
  }

  #take(): void {
    const { family, address, length, origins, peers } = this.#values
    if (!this.#isWanted(this.#scope[family], { min: address, max: lastAddress(address, length) })) return
    if (peers !== PEERS_UNKNOWN && peers < this.#minPeers) this.#fewPeers += 1
    else for (const origin of origins) this.#rows[family].add(address, length, origin, peers)
  }
}
