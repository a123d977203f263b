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
  const parts = splitName(entry.name)
  if (parts !== undefined) return headerBlock(parts, '0', entry)
  const pax = paxRecord('path', entry.name)
  const short = { name: 'PaxHeader', prefix: '' }
  const extended = Buffer.alloc(padded(pax.length))
  extended.write(pax, 'latin1')
  return Buffer.concat([
    headerBlock(short, 'x', { ...entry, size: pax.length }),
    extended,
    headerBlock(short, '0', entry),
  ])
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

function headerBlock({ name, prefix }: SplitName, type: '0' | 'x', { size, mode, modified }: TarEntry): Uint8Array {
  if (size > SIZE_LIMIT) throw new RangeError(`too large for a tar header: ${size} bytes`)
  const block = Buffer.alloc(BLOCK)
  block.write(name, 0, 'latin1')
  block.write(`${octal(mode, 6)} \u0000${octal(0, 6)} \u0000${octal(0, 6)} \u0000`, 100, 'latin1')
  block.write(`${octal(size, 11)} ${octal(modified, 11)} `, 124, 'latin1')
  // the checksum is computed with spaces in its own place
  block.fill(' ', 148, 156)
  block.write(type, 156, 'latin1')
  block.write('ustar\u000000', 257, 'latin1')
  block.write(`${octal(0, 6)} \u0000${octal(0, 6)} \u0000`, 329, 'latin1')
  block.write(prefix, 345, 'latin1')
  let sum = 0
  for (let i = 0; i < BLOCK; i++) sum += block[i] ?? 0
  block.write(`${octal(sum, 6)} \u0000`, 148, 'latin1')
  return block
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0')
}

/** Returns a pax record, which begins with its own length. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`
  let length = rest.length
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length
  return `${length}${rest}`
}
