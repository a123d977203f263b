/** Colours of a PNG of 8 bits a channel without interlacing, as Chromium writes it. */
import { inflateSync } from 'node:zlib'

/** Returns how many pixels have each colour, as `#rrggbb`, the most frequent one first. */
export function coloursOf(png: Buffer): ReadonlyMap<string, number> {
  const { width, height, channels, data } = decoded(png)
  const counts = new Map<string, number>()
  for (let pixel = 0; pixel < width * height; pixel++) {
    const colour = `#${data.toString('hex', pixel * channels, pixel * channels + 3)}`
    counts.set(colour, (counts.get(colour) ?? 0) + 1)
  }
  return new Map([...counts].sort(([, a], [, b]) => b - a))
}

interface Decoded {
  readonly width: number
  readonly height: number
  readonly channels: number
  readonly data: Buffer
}

function decoded(png: Buffer): Decoded {
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)]
  const [depth, kind] = [png[24], png[25]]
  if (depth !== 8 || (kind !== 2 && kind !== 6)) throw new Error(`PNG of depth ${depth} and kind ${kind}`)
  const channels = kind === 2 ? 3 : 4
  const parts: Buffer[] = []
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at))
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT')
      parts.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)))
  return { width, height, channels, data: unfiltered(inflateSync(Buffer.concat(parts)), width * channels, channels) }
}

/** Undoes the filter of each row (PNG, section 9). */
function unfiltered(raw: Buffer, row: number, channels: number): Buffer {
  const height = raw.length / (row + 1)
  const data = Buffer.alloc(row * height)
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (row + 1)] ?? 0
    for (let x = 0; x < row; x++) {
      const here = y * row + x
      const left = x < channels ? 0 : (data[here - channels] ?? 0)
      const up = y === 0 ? 0 : (data[here - row] ?? 0)
      const corner = x < channels || y === 0 ? 0 : (data[here - row - channels] ?? 0)
      data[here] = (raw[y * (row + 1) + 1 + x] ?? 0) + predicted(filter, left, up, corner)
    }
  }
  return data
}

function predicted(filter: number, left: number, up: number, corner: number): number {
  if (filter === 1) return left
  if (filter === 2) return up
  if (filter === 3) return (left + up) >> 1
  if (filter !== 4) return 0
  const guess = left + up - corner
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)]
  return a <= b && a <= c ? left : b <= c ? up : corner
}
