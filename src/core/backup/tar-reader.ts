/**
 * Reads a tar archive (ustar, with pax or GNU headers for long names) from chunks of any size. The reader is our own, since a stream per entry
 * costs more than all else that is done with a small file. Invariants: a header with a wrong checksum or an unknown format ends the reading;
 * only `begin` decides which sizes are read into memory.
 */
import { concat } from '../base/bytes.js'

export interface TarMember {
  readonly name: string
  /** `file`, or what else it is, such as `symlink`. */
  readonly type: string
  readonly size: number
  /** Epoch seconds. */
  readonly modified: number
}

export interface TarSink {
  /** Called with each header, before its content is read. It throws to refuse it. */
  begin(member: TarMember): void
  /** Called with the content of the last file that began. The bytes belong to a larger chunk. */
  content(bytes: Uint8Array): void
}

const BLOCK = 512
/** Largest extended header: it has a path, which is shorter than this by far. */
const EXTENDED_LIMIT = 65_536
const TYPES: Readonly<Record<string, string>> = {
  '\u0000': 'file',
  0: 'file',
  1: 'link',
  2: 'symlink',
  3: 'character-device',
  4: 'block-device',
  5: 'directory',
  6: 'fifo',
  7: 'contiguous-file',
  g: 'pax-global-header',
  x: 'pax-header',
  L: 'gnu-long-path',
  K: 'gnu-long-link-path',
}

export class TarReader {
  readonly #sink: TarSink
  #parts: Uint8Array[] = []
  /** Bytes in `#parts`. */
  #have = 0
  /** Bytes that are missing before the next step: of a header, or of a content. */
  #need = BLOCK
  /** Padding to pass over. */
  #skip = 0
  /** The member whose content is being read. */
  #member: TarMember | undefined
  /** Path of the next member, from an extended header. */
  #path: string | undefined

  constructor(sink: TarSink) {
    this.#sink = sink
  }

  /** Reads the next bytes. Throws an Error for what is not a tar archive, and what the sink throws. */
  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#skip > 0) {
        const passed = Math.min(this.#skip, chunk.length - at)
        this.#skip -= passed
        at += passed
        continue
      }
      const part = chunk.subarray(at, at + this.#need - this.#have)
      at += part.length
      this.#have += part.length
      if (this.#have === this.#need) this.#step(this.#parts.length === 0 ? part : concat([...this.#parts, part]))
      else this.#parts.push(part)
    }
  }

  /** Ends the archive. Throws an Error if it ends inside a member. */
  end(): void {
    if (this.#have > 0 || this.#skip > 0 || this.#member !== undefined) throw new Error('unexpected end of the archive')
  }

  #step(bytes: Uint8Array): void {
    this.#parts = []
    this.#have = 0
    if (this.#member === undefined) this.#header(bytes)
    else this.#content(this.#member, bytes)
  }

  #header(block: Uint8Array): void {
    const member = parseHeader(block)
    if (member === undefined) return
    const isExtended = isLongName(member.type)
    if (isExtended && member.size > EXTENDED_LIMIT) throw new Error('extended header too large')
    const named = isExtended || this.#path === undefined ? member : { ...member, name: this.#path }
    if (!isExtended) {
      this.#path = undefined
      this.#sink.begin(named)
    }
    this.#member = named
    this.#need = named.size
    if (named.size === 0) this.#content(named, block.subarray(0, 0))
  }

  #content(member: TarMember, bytes: Uint8Array): void {
    this.#member = undefined
    this.#need = BLOCK
    this.#skip = (BLOCK - (member.size % BLOCK)) % BLOCK
    if (!isLongName(member.type)) this.#sink.content(bytes)
    else this.#path = (member.type === 'pax-header' ? paxPath(bytes) : textOf(bytes, 0, bytes.length)) ?? this.#path
  }
}

function isLongName(type: string): boolean {
  return type === 'pax-header' || type === 'gnu-long-path'
}

/** Returns what a header says; undefined for an empty block. Throws for a wrong checksum and an unknown format. */
function parseHeader(block: Uint8Array): TarMember | undefined {
  let sum = 0
  for (let i = 0; i < BLOCK; i++) sum += block[i] ?? 0
  if (sum === 0) return undefined
  // the checksum is computed with spaces in its own place
  for (let i = 148; i < 156; i++) sum += 32 - (block[i] ?? 0)
  if (octalOf(block, 148, 8) !== sum) throw new Error('tar header with a wrong checksum')
  const format = Buffer.from(block.buffer, block.byteOffset + 257, 8).toString('latin1')
  if (!format.startsWith('ustar\u0000') && format !== 'ustar  \u0000')
    throw new Error('tar header of an unknown format')
  const prefix = format.startsWith('ustar\u0000') ? textOf(block, 345, 155) : ''
  const name = textOf(block, 0, 100)
  const flag = String.fromCharCode(block[156] ?? 0)
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    type: TYPES[flag] ?? 'entry of an unknown type',
    size: octalOf(block, 124, 12),
    modified: octalOf(block, 136, 12),
  }
}

/** Returns the number in a field of octal digits, between spaces and zero octets. Throws for any other content. */
function octalOf(block: Uint8Array, start: number, length: number): number {
  let at = start
  const end = start + length
  while (at < end && block[at] === 32) at += 1
  let value = 0
  for (; at < end; at++) {
    const digit = (block[at] ?? 0) - 48
    if (digit < 0 || digit > 7) break
    value = value * 8 + digit
  }
  for (; at < end; at++) if (block[at] !== 32 && block[at] !== 0) throw new Error('tar header with an invalid number')
  return value
}

/** Returns the text up to the first zero octet. */
function textOf(bytes: Uint8Array, start: number, length: number): string {
  const field = Buffer.from(bytes.buffer, bytes.byteOffset + start, length)
  const end = field.indexOf(0)
  return field.toString('utf8', 0, end === -1 ? length : end)
}

/** Returns the path in a pax header; undefined if it has none. Throws for a size, which would contradict the header, and for a malformed record. */
function paxPath(bytes: Uint8Array): string | undefined {
  let [rest, path] = [Buffer.from(bytes), undefined as string | undefined]
  while (rest.length > 0) {
    const [head = '', digits = ''] = /^(\d{1,7}) /.exec(rest.toString('latin1', 0, 8)) ?? []
    const length = Number(digits)
    const [, key, value] = /^([^=]+)=(.*)\n$/s.exec(rest.toString('utf8', head.length, length)) ?? []
    if (key === undefined || length > rest.length || key === 'size') throw new Error('invalid pax header')
    if (key === 'path') path = value
    rest = rest.subarray(length)
  }
  return path
}
