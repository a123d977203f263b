/** Reading of tar archives: what the tar-stream package writes, in chunks of any size, and headers that are damaged or of another kind. */
import fc from 'fast-check'
import { pack } from 'tar-stream'
import { expect, test } from 'vitest'
import { padded, tarEnd, tarHeader } from '../../../src/core/backup/tar-blocks.js'
import { type TarMember, TarReader } from '../../../src/core/backup/tar-reader.js'
import { all } from '../../support/store/backups.js'

type Read = TarMember & { readonly text: string }

/** Returns the members of an archive that is read in chunks of these sizes, in turn. Throws what the reader throws. */
function read(bytes: Uint8Array, sizes: readonly number[] = [bytes.length]): readonly Read[] {
  const found: Read[] = []
  let begun: TarMember | undefined
  const reader = new TarReader({
    begin: (member) => {
      begun = member
    },
    content: (content) => found.push({ ...(begun as TarMember), text: Buffer.from(content).toString('latin1') }),
  })
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const size = sizes[n % sizes.length] ?? 1
    reader.push(bytes.subarray(at, at + size))
    at += size
  }
  reader.end()
  return found
}

const FILES = [
  ['brine.json', 0],
  [`objects/ab/${'ab'.repeat(32)}`, 1900],
  ['a block', 512],
  [`cas/${'n'.repeat(150)}/event-1.json`, 7],
  [`cas/${'n'.repeat(255)}/archived/command-123456789012345.json`, 70_000],
  ['the last', 1],
] as const
const contentOf = (at: number, size: number): string => String(at).repeat(size)

async function archive(): Promise<Buffer> {
  const made = pack()
  for (const [at, [name, size]] of FILES.entries())
    made.entry({ name, mode: 0o600, mtime: new Date(1_790_000_000_000 + at * 1000) }, contentOf(at, size))
  made.finalize()
  return all(made)
}

const expected = FILES.map(([name, size], at) => ({
  name,
  type: 'file',
  size,
  modified: 1_790_000_000 + at,
  text: contentOf(at, size),
}))

test('an archive of the package is read, whatever the chunks', async () => {
  const bytes = await archive()
  expect(read(bytes)).toEqual(expected)
  expect(read(bytes, [1])).toEqual(expected)
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 4000 }), { minLength: 1, maxLength: 8 }), (sizes) => {
      expect(read(bytes, sizes)).toEqual(expected)
    }),
    { numRuns: 30 },
  )
})

const header = (over: { name?: string; size?: number } = {}): Buffer =>
  Buffer.from(tarHeader({ name: 'brine.json', size: 0, mode: 0o600, modified: 0, ...over }))

/** Writes into a header, and the checksum that it has then. */
function changed(block: Buffer, at: number, text: string): Buffer {
  block.write(text, at, 'latin1')
  block.fill(' ', 148, 156)
  const sum = block.subarray(0, 512).reduce((total, octet) => total + octet, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\u0000 `, 148, 'latin1')
  return block
}

test('an archive that ends anywhere but between members is truncated', async () => {
  const bytes = await archive()
  for (const at of [1, 511, 513, 1024 + 700, 1024 + 1900 + 1, bytes.length - 1024 - 1])
    expect(() => read(bytes.subarray(0, at)), `at ${at}`).toThrow('unexpected end')
  expect(read(bytes.subarray(0, 512))).toHaveLength(1)
})

test('a header with any octet changed is refused', () => {
  for (let at = 0; at < 512; at++) {
    const block = header()
    block[at] = (block[at] ?? 0) ^ 1
    // between the digits and the octet after them a checksum has room that nothing reads
    const isFree = at === 155
    if (!isFree) expect(() => read(block), `octet ${at}`).toThrow(/checksum|number/)
  }
})

test.each([
  ['another magic', 257, 'uster\u0000', 'unknown format'],
  ['no magic', 257, '\u0000\u0000\u0000\u0000\u0000\u0000', 'unknown format'],
  ['a size that is no number', 124, '0000000000x', 'invalid number'],
  ['a size of base 256', 124, '\u0080\u0000\u0000\u0000', 'invalid number'],
  ['a negative time', 136, '-0000000001 ', 'invalid number'],
])('a header with %s is refused', (_, at, text, why) => {
  expect(() => read(changed(header(), at, text))).toThrow(why)
})

test.each([
  ['1', 'link'],
  ['2', 'symlink'],
  ['3', 'character-device'],
  ['5', 'directory'],
  ['6', 'fifo'],
  ['7', 'contiguous-file'],
  ['g', 'pax-global-header'],
  ['K', 'gnu-long-path'],
  ['Z', 'entry of an unknown type'],
])('type %s is named %s', (flag, type) => {
  if (flag === 'K') expect(read(changed(header(), 156, flag))[0]?.type).toBe('gnu-long-link-path')
  else expect(read(changed(header(), 156, flag))[0]?.type).toBe(type)
})

/** Returns an extended header with this content, before a file with a short name. */
function extended(flag: string, content: string): Buffer {
  const body = Buffer.alloc(padded(content.length))
  body.write(content, 'latin1')
  return Buffer.concat([changed(header({ size: content.length }), 156, flag), body, header(), tarEnd()])
}

test('long names in headers of pax and of GNU tar are read', () => {
  const [name, gnu] = [`cas/${'n'.repeat(300)}/x`, header()]
  gnu.write('ustar  \u0000', 257, 'latin1')
  expect(read(changed(gnu, 257, 'ustar  \u0000'))[0]?.name).toBe('brine.json')
  expect(read(extended('L', `${name}\u0000`))[0]?.name).toBe(name)
  const record = ` path=${name}\n`
  expect(read(extended('x', `${record.length + 3}${record}`))[0]?.name).toBe(name)
  expect(read(extended('x', `19 mtime=1790000000\n`.replace('19', '20')))[0]?.name).toBe('brine.json')
})

test.each(['12 size=100\n', '7 path=', '99 path=x\n', 'x', '0 path=x\n', ' path=x\n', '10 path=x\n9'])(
  'a pax header %j is refused',
  (text) => {
    expect(() => read(extended('x', text))).toThrow('invalid pax header')
  },
)

test('an extended header that is too large is refused by its size', () => {
  expect(() => read(changed(header({ size: 65_537 }), 156, 'x'))).toThrow('too large')
})

test('what the sink refuses is not read on', () => {
  const reader = new TarReader({
    begin: () => {
      throw new Error('refused')
    },
    content: () => expect.unreachable(),
  })
  expect(() => reader.push(header({ size: 512 }))).toThrow('refused')
})
