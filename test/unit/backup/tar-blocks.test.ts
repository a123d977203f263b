/** Blocks of a tar archive, byte for byte those of the package that reads them. */
import { pack } from 'tar-stream'
import { expect, test } from 'vitest'
import { padded, tarEnd, tarHeader } from '../../../src/core/backup/tar-blocks.js'
import { all } from '../../support/store/backups.js'

const long = (length: number): string => 'n'.repeat(length)

async function byPackage(name: string, size: number, mode: number, modified: number): Promise<Buffer> {
  const archive = pack()
  archive.entry({ name, mode, mtime: new Date(modified * 1000), uid: 0, gid: 0 }, Buffer.alloc(size, 'x'))
  archive.finalize()
  return all(archive)
}

function byUs(name: string, size: number, mode: number, modified: number): Buffer {
  const content = Buffer.alloc(padded(size))
  content.fill('x', 0, size)
  return Buffer.concat([tarHeader({ name, size, mode, modified }), content, tarEnd()])
}

test.each([
  ['brine.json', 0],
  [`objects/ab/${'ab'.repeat(32)}`, 1900],
  ['a block of content', 512],
  [long(100), 1],
  [`cas/${long(255)}/archived/command-123456789012345.json`, 70_000],
  // around the 155 octets of the prefix and the 100 of the name
  ...[60, 94, 95, 96, 97, 99, 100, 101, 150, 151, 152, 153].flatMap((n): [string, number][] => [
    [`cas/${long(n)}/archived/event-1.json`, 7],
    [`publishers/${long(n)}/event-0.json`, 511],
    [`cas/${long(n)}/${long(100)}`, 3],
    [`cas/${long(n)}/${long(101)}`, 3],
  ]),
])('%s', async (name, size) => {
  for (const [mode, modified] of [
    [0o600, 0],
    [0o644, 1_790_000_000],
  ] as const)
    expect(byUs(name, size, mode, modified).equals(await byPackage(name, size, mode, modified))).toBe(true)
})

test('a size that eleven octal digits cannot express is refused', () => {
  const entry = { name: 'a', mode: 0o600, modified: 0 }
  expect(() => tarHeader({ ...entry, size: 8 ** 11 })).toThrow(RangeError)
  expect(tarHeader({ ...entry, size: 8 ** 11 - 1 })).toHaveLength(512)
})
