/**
 * Blocks of a tar archive (POSIX.1-2001 ustar and pax). The writer is our own: with tens of thousands of small files, a stream per entry costs
 * more than reading and compressing them. Invariant: the bytes are those that the tar-stream package, which reads them, would write.
 */
const BLOCK = 512
const [NAME, PREFIX] = [100, 155]
/** Largest size that eleven octal digits express, in bytes; files of a data directory are far smaller. */
const SIZE_LIMIT = 0o77777777777

export interface TarEntry {
  /** ASCII path. */
  readonly name: string
  readonly size: number
  readonly mode: number
  /** Epoch seconds. */
  readonly modified: number
}

/** Returns the header of a file: one block, or three for a name that a single one cannot express. */
export function tarHeader(entry: TarEntry): Uint8Array {
  const header = Buffer.alloc(headerRoom(entry.name))
  return header.subarray(0, writeTarHeader(header, 0, entry))
}

/** Returns the maximum length of a header for a file of this name. */
export function headerRoom(name: string): number {
  return name.length <= NAME ? BLOCK : 2 * BLOCK + padded(name.length + 32)
}

/** Writes the header of a file into `target`, and returns where it ends. */
export function writeTarHeader(target: Buffer, at: number, entry: TarEntry): number {
  const parts = splitName(entry.name)
  if (parts !== undefined) return writeBlock(target, at, parts, REGULAR, entry)
  const pax = paxRecord('path', entry.name)
  const short = { name: 'PaxHeader', prefix: '' }
  const content = writeBlock(target, at, short, EXTENDED, { ...entry, size: pax.length })
  const end = content + padded(pax.length)
  target.fill(0, content, end)
  target.write(pax, content, 'latin1')
  return writeBlock(target, end, short, REGULAR, entry)
}

/** Returns a size rounded up to whole blocks. */
export function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK
}

/** Returns the two empty blocks that end an archive. */
export function tarEnd(): Uint8Array {
  return new Uint8Array(2 * BLOCK)
}

interface SplitName {
  readonly name: string
  readonly prefix: string
}

/** Splits a name at the first slash after which it fits; undefined if there is none. */
function splitName(path: string): SplitName | undefined {
  if (path.length <= NAME) return { name: path, prefix: '' }
  const slash = path.indexOf('/', path.length - NAME - 1)
  if (slash === -1 || slash > PREFIX) return undefined
  return { name: path.slice(slash + 1), prefix: path.slice(0, slash) }
}

/** Values of the type of an entry: a regular file, and what extends the header of the next one. */
const [REGULAR, EXTENDED] = [0x30, 0x78]
const [MODE, SIZE, MODIFIED, CHECKSUM, TYPE, PREFIX_AT] = [100, 124, 136, 148, 156, 345]

/** A header without name, numbers and checksum. The checksum is computed with spaces in its own place. */
const TEMPLATE = Buffer.alloc(BLOCK)
TEMPLATE.write('000000 \u0000000000 \u0000000000 \u0000', MODE, 'latin1')
TEMPLATE.write('00000000000 00000000000 ', SIZE, 'latin1')
TEMPLATE.fill(' ', CHECKSUM, TYPE)
TEMPLATE.write('ustar\u000000', 257, 'latin1')
TEMPLATE.write('000000 \u0000000000 \u0000', 329, 'latin1')

// what follows the type is the same in all headers, but for the prefix
const FIXED = TYPE + 1
const FIXED_SUM = sumOf(TEMPLATE, FIXED, BLOCK)

function sumOf(bytes: Uint8Array, from: number, to: number): number {
  let sum = 0
  for (let i = from; i < to; i++) sum += bytes[i] ?? 0
  return sum
}

function writeBlock(
  target: Buffer,
  at: number,
  { name, prefix }: SplitName,
  type: number,
  { size, mode, modified }: TarEntry,
): number {
  if (size > SIZE_LIMIT) throw new RangeError(`too large for a tar header: ${size} bytes`)
  target.set(TEMPLATE, at)
  target.write(name, at, 'latin1')
  writeOctal(target, at + MODE, mode, 6)
  writeOctal(target, at + SIZE, size, 11)
  writeOctal(target, at + MODIFIED, modified, 11)
  target[at + TYPE] = type
  if (prefix !== '') target.write(prefix, at + PREFIX_AT, 'latin1')
  const sum = sumOf(target, at, at + FIXED) + FIXED_SUM + sumOf(target, at + PREFIX_AT, at + PREFIX_AT + prefix.length)
  writeOctal(target, at + CHECKSUM, sum, 6)
  target[at + CHECKSUM + 7] = 0
  return at + BLOCK
}

/** Writes the last so many octal digits, without making a text of them, since a backup has four numbers for each file. */
function writeOctal(target: Uint8Array, at: number, value: number, digits: number): void {
  let rest = value
  for (let i = at + digits - 1; i >= at; i--) {
    target[i] = 0x30 + (rest % 8)
    rest = Math.floor(rest / 8)
  }
}

/** Returns a pax record, which begins with its own length. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`
  let length = rest.length
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length
  return `${length}${rest}`
}
