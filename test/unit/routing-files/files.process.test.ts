/** Files of announcements and VRPs on disk: gzip, its damage, other compression, size and age. */
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Instant } from '../../../src/core/base/time.js'
import { ALL_RESOURCES } from '../../../src/core/resources/resource-set.js'
import { readAnnouncements } from '../../../src/core/routing-files/announcement-files.js'
import { readBytes } from '../../../src/core/routing-files/file-bytes.js'
import { readVrps } from '../../../src/core/routing-files/vrp-files.js'

const NOW = '2026-12-02T12:00:00Z' as Instant
const OPTIONS = { scope: ALL_RESOURCES, minPeers: 0 }
const LINES = '64496\t192.0.2.0/24\t100\n64497\t2001:db8::/32\t100\n'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'brine-routes-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, content: string | Uint8Array, changed = Date.parse(NOW) / 1000): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  utimesSync(path, changed, changed)
  return path
}

describe('readAnnouncements', () => {
  it('reads plain and compressed files as one table', async () => {
    const paths = [file('a.tsv', LINES), file('b.gz', gzipSync('64498,198.51.100.0/24'))]
    const { ipv4, ipv6, counts, files } = await readAnnouncements(paths, OPTIONS)
    expect([ipv4.count, ipv6.count, counts.routes]).toEqual([2, 1, 3])
    expect(files).toEqual(paths.map((path) => ({ path, time: NOW })))
  })

  it('takes the time that gzip has in its header, else that of the file', async () => {
    const packed = gzipSync(LINES)
    packed.writeUInt32LE(Date.parse('2026-11-01T00:00:00Z') / 1000, 4)
    const { files } = await readAnnouncements([file('old.gz', packed)], OPTIONS)
    expect(files[0]?.time).toBe('2026-11-01T00:00:00Z')
  })

  it.each([
    ['a truncated gzip', gzipSync(LINES.repeat(1000)).subarray(0, 60), 'file-truncated'],
    ['a flipped byte', gzipSync(LINES).map((byte, at) => (at === 14 ? byte ^ 255 : byte)), 'file-truncated'],
    ['bzip2', Buffer.from('BZh91AY'), 'file-compression'],
    ['xz', Buffer.from('fd377a585a00', 'hex'), 'file-compression'],
    ['zstd', Buffer.from('28b52ffd00', 'hex'), 'file-compression'],
    ['an empty file', '', 'bgp-unreadable'],
    ['comments only', '% nothing\n', 'bgp-unreadable'],
    ['other lines', 'x\ny\n', 'bgp-unreadable'],
  ])('refuses %s', async (_, content, code) => {
    const path = file('x', content)
    await expect(readAnnouncements([path], OPTIONS)).rejects.toMatchObject({ kind: 'usage', code })
  })

  it('refuses a file that is missing, or a folder', async () => {
    for (const path of [join(folder, 'none'), folder])
      await expect(readAnnouncements([path], OPTIONS)).rejects.toMatchObject({ kind: 'usage', code: 'file-unreadable' })
  })

  it('refuses what decompresses to more than the limit, before it takes it', async () => {
    const path = file('bomb.gz', gzipSync(Buffer.alloc(2 ** 24)))
    let taken = 0
    const read = readBytes(
      path,
      (piece) => {
        taken += piece.length
      },
      1_000_000,
    )
    await expect(read).rejects.toMatchObject({ kind: 'usage', code: 'file-too-large' })
    expect(taken).toBeLessThanOrEqual(1_000_000)
  })
})

describe('readVrps', () => {
  const VRPS =
    '{"metadata":{"buildtime":"2026-12-01T00:00:00Z"},"roas":[{"asn":1,"prefix":"192.0.2.0/24","maxLength":24}]}'

  it('takes the time that the validator gives', async () => {
    const { vrps, time, count } = await readVrps(file('v.json.gz', gzipSync(VRPS)), ALL_RESOURCES, NOW)
    expect([vrps.length, time, count]).toEqual([1, '2026-12-01T00:00:00Z', 1])
  })

  it.each([[LINES], ['{"roas":[]}'], ['{'], ['[{"asn":1}]'], ['']])('refuses %j', async (text) => {
    await expect(readVrps(file('v.json', text), ALL_RESOURCES, NOW)).rejects.toMatchObject({
      kind: 'usage',
      code: 'vrps-unreadable',
    })
  })
})
