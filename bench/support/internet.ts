/**
 * The routed Internet as a bench input: as many origin ASes and routes as there are, with the prefix lengths of real announcements. Routes
 * come from `BENCH_ROUTES` (lines `asn prefix` or, as pfx2as has them, `prefix length asn`), else they are generated: no two overlap.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Counted in RouteViews data, 2026. */
const ALL_ASES = 91_065
const ALL_ROUTES = 732_483

export interface Origin {
  readonly asn: number
  readonly prefixes: readonly string[]
}

/** Returns `count` origins: of a table all, else every n-th of the distribution, so that a part has the shape of the whole. */
export function origins(count: number): readonly Origin[] {
  const file = process.env['BENCH_ROUTES']
  return file === undefined ? generated(count) : fromTable(readFileSync(file, 'latin1'), count)
}

/** Returns the lengths of IPv4 prefixes, as the sample of real announcements has them. */
function sampleLengths(): readonly number[] {
  const folder = process.env['BRINE_PEER_DATA'] ?? join(process.cwd(), '..', 'shared', 'peer-data')
  const sample = join(folder, 'routes-sample.tsv')
  // the most frequent lengths, where the sample is not at hand
  if (!existsSync(sample)) return [24, 24, 24, 22, 23, 24, 21, 24, 20, 24]
  const lengths = readFileSync(sample, 'latin1').matchAll(/^\d+\t[\d.]+\/(\d+)\t/gm)
  return [...lengths].map((m) => Number(m[1])).filter((length) => length >= 18)
}

/** Returns the number of routes of the AS of each rank: a power law whose sum is that of the whole table. */
function routesByRank(): readonly number[] {
  const of = (scale: number, rank: number): number => Math.max(1, Math.floor(scale / (rank + 10) ** 0.87))
  let [low, high] = [1, 1e6]
  for (let round = 0; round < 40; round++) {
    const scale = (low + high) / 2
    let sum = 0
    for (let rank = 0; rank < ALL_ASES; rank++) sum += of(scale, rank)
    if (sum < ALL_ROUTES) low = scale
    else high = scale
  }
  return Array.from({ length: ALL_ASES }, (_, rank) => of(high, rank))
}

function generated(count: number): readonly Origin[] {
  const [ranks, lengths] = [routesByRank(), sampleLengths()]
  const step = Math.max(1, ALL_ASES / count)
  const next = { address: 2 ** 24, network: 0 }
  let drawn = 0
  return Array.from({ length: Math.min(count, ALL_ASES) }, (_, n) => {
    const routes = ranks[Math.floor(n * step)] ?? 1
    const prefixes = Array.from({ length: routes }, () => nextPrefix(next, lengths[drawn++ % lengths.length] ?? 24))
    return { asn: 1000 + n, prefixes }
  })
}

/** Returns the next free IPv4 prefix below 224.0.0.0, and IPv6 prefixes once there is none. */
function nextPrefix(next: { address: number; network: number }, length: number): string {
  const size = 2 ** (32 - length)
  const start = Math.ceil(next.address / size) * size
  if (start + size > 0xe000_0000) {
    const network = next.network++
    return `2a00:${(network >>> 16).toString(16)}:${(network & 0xffff).toString(16)}::/48`
  }
  next.address = start + size
  return `${[24, 16, 8, 0].map((shift) => (start >>> shift) & 255).join('.')}/${length}`
}

function fromTable(text: string, count: number): readonly Origin[] {
  const byAsn = new Map<number, Set<string>>()
  for (const line of text.split('\n')) {
    const [a, b, c] = line.split(/\s+/)
    const [asn, prefix] = a?.includes('/') === false && b?.includes('/') === true ? [a, b] : [c, `${a}/${b}`]
    if (asn === undefined || !/^\d+$/.test(asn) || !/^[0-9a-f.:]+\/\d+$/.test(prefix)) continue
    const known = byAsn.get(Number(asn))
    if (known === undefined) byAsn.set(Number(asn), new Set([prefix]))
    else known.add(prefix)
  }
  return [...byAsn].slice(0, count).map(([asn, prefixes]) => ({ asn, prefixes: [...prefixes] }))
}
