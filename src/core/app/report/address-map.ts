/**
 * Held and covered address space as a map: the IPv4 space as a Hilbert curve of its 256 blocks /8. CAs that hold all addresses (a trust anchor,
 * a testbed) are left out: their map would be one colour. Pure.
 */
import { ALL_RESOURCES, intersection, NO_RESOURCES, prefixSet, union } from '../../resources/resource-set.js'
import type { IpRange, ResourceSet } from '../../resources/types.js'
import { addressBars } from './address-bars.js'
import { percent, shareOf } from './address-shares.js'
import type { ReportCa, ReportData } from './data.js'
import { html, key, type Markup, NOTHING } from './markup.js'

export interface Space {
  readonly held: ResourceSet
  readonly covered: ResourceSet
}

/** Returns the addresses of all CAs that do not hold everything. */
export function spaceOf(cas: readonly ReportCa[]): Space {
  const own = cas.filter(({ held }) => !holdsAll(held))
  return { held: unionOf(own.map(({ held }) => held)), covered: unionOf(own.map(({ covered }) => covered)) }
}

function holdsAll({ ipv4, ipv6 }: ResourceSet): boolean {
  const all = (ranges: readonly IpRange[], [one]: readonly IpRange[]): boolean =>
    ranges.length === 1 && one !== undefined && ranges[0]?.min === one.min && ranges[0]?.max === one.max
  return all(ipv4, ALL_RESOURCES.ipv4) || all(ipv6, ALL_RESOURCES.ipv6)
}

/** Joins pairs of sets, since joining one after the other would take the square of their number. */
function unionOf(sets: readonly ResourceSet[]): ResourceSet {
  let level = sets
  while (level.length > 1)
    level = level.flatMap((set, n) => (n % 2 === 1 ? [] : [union(set, level[n + 1] ?? NO_RESOURCES)]))
  return level[0] ?? NO_RESOURCES
}

/** Returns the map and the bars with their legend. */
export function addressMap({ cas }: Pick<ReportData, 'cas'>): Markup {
  const { held, covered } = spaceOf(cas)
  if (held.ipv4.length + held.ipv6.length === 0)
    return html`<p class="soft">No CA holds addresses, apart from those that hold all.</p>`
  const map =
    held.ipv4.length === 0
      ? NOTHING
      : html`<figure class="map">${hilbert(held, covered)}<figcaption>The IPv4 space, a square for each /8. A fuller square holds a shorter prefix; its dark part is covered.</figcaption></figure>`
  return html`<p class="legend">${key(SAMPLES.covered, 'covered by a ROA')}${key(SAMPLES.held, 'held, no ROA')}</p>
<div class="addresses">${map}<div>${addressBars(4, held.ipv4, covered.ipv4)}${addressBars(6, held.ipv6, covered.ipv6)}</div></div>`
}

const SAMPLES = {
  covered: html`<rect class="covered" width="100%" height="100%" rx="2"/>`,
  held: html`<rect class="held" width="100%" height="100%" rx="2"/>`,
}

/** Side of a square, without the gap between two. */
const [CELL, SIDE] = [20, 18]

function hilbert(held: ResourceSet, covered: ResourceSet): Markup {
  const cells = Array.from({ length: 256 }, (_, n) => cell(n, held, covered))
  return html`<svg viewBox="0 0 318 318" role="img" aria-label="Map of the IPv4 space">${cells}</svg>`
}

function cell(n: number, held: ResourceSet, covered: ResourceSet): Markup {
  const [x, y] = hilbertPlace(n).map((place) => place * CELL) as [number, number]
  const block = prefixSet([{ family: 4, address: BigInt(n) << 24n, length: 8 }])
  const free = html`<rect class="free" x="${x}" y="${y}" width="${SIDE}" height="${SIDE}" rx="2"/>`
  const share = (set: ResourceSet): number => shareOf(intersection(set, block).ipv4, block.ipv4)
  const [h, c] = [share(held), share(covered)]
  if (h === 0) return free
  const height = fill(h)
  const part = (size: number, cls: string): Markup =>
    size === 0
      ? NOTHING
      : html`<rect class="${cls as Markup}" x="${x}" y="${y + SIDE - size}" width="${SIDE}" height="${size}" rx="2"/>`
  return html`<g><title>${n}.0.0.0/8: ${percent(h)} held, ${percent(c / h)} of it covered</title>${free}${part(height, 'held')}${part(c === 0 ? 0 : Math.max(2, (height * c) / h), 'covered')}<text x="${x + SIDE / 2}" y="${y + SIDE / 2 + 3}" text-anchor="middle">${n}</text></g>`
}

/** Returns the height for a share of a /8, by the length of a prefix of that size: a /8 fills its square, a /24 a third of it, and less is no smaller. */
function fill(share: number): number {
  const bits = Math.min(16, -Math.log2(share))
  return SIDE * (1 - (bits / 16) * (2 / 3))
}

/** Returns the place of a block on a Hilbert curve of 16 by 16: neighbours in number are neighbours on the map. */
export function hilbertPlace(index: number): readonly [x: number, y: number] {
  let [x, y, rest] = [0, 0, index]
  for (let side = 1; side < 16; side *= 2) {
    const right = 1 & (rest >> 1)
    const up = 1 & (rest ^ right)
    if (up === 0) {
      if (right === 1) [x, y] = [side - 1 - x, side - 1 - y]
      ;[x, y] = [y, x]
    }
    x += side * right
    y += side * up
    rest >>= 2
  }
  return [x, y]
}
