/** A bar for each held block of addresses, with the parts of it that ROAs cover. Pure. */
import { formatAddress } from '../../resources/address.js'
import { formatPrefix, rangeToPrefix } from '../../resources/prefix.js'
import type { Family, IpRange } from '../../resources/types.js'
import { percent, shareOf, sizeOf } from './address-shares.js'
import { html, type Markup, NOTHING, text } from './markup.js'

/** Blocks with a bar; the largest ones. */
const BARS = 24
/** Rectangles of one bar. */
const PARTS = 200
/** Smallest width of a rectangle, in per cent, so that every part can be seen. */
const NARROWEST = 0.6

/** Returns a bar for each of the largest blocks of a family, in the order of addresses. */
export function addressBars(family: Family, held: readonly IpRange[], covered: readonly IpRange[]): Markup {
  if (held.length === 0) return NOTHING
  const shown = held
    .toSorted((a, b) => (sizeOf(a) < sizeOf(b) ? 1 : sizeOf(a) > sizeOf(b) ? -1 : 0))
    .slice(0, BARS)
    .sort((a, b) => (a.min < b.min ? -1 : 1))
  const more = held.length - shown.length
  return html`<h3>IPv${family}</h3>${shown.map((block) => bar(family, block, covered))}${more > 0 ? html`<p class="soft">and ${more} smaller blocks</p>` : NOTHING}`
}

function bar(family: Family, block: IpRange, covered: readonly IpRange[]): Markup {
  const parts = partsIn(block, covered)
  const name = blockText(family, block)
  const at = (address: bigint): number => Number(((address - block.min) * 1_000_000n) / sizeOf(block)) / 10_000
  const drawn = parts.slice(0, PARTS).map(({ min, max }) => {
    const width = Math.max(NARROWEST, at(max + 1n) - at(min))
    return html`<rect class="covered" x="${Math.min(100 - width, at(min))}%" width="${width}%" height="100%"/>`
  })
  return html`<div class="bar"><p class="row"><span>${text(name)}</span><span class="facts">${percent(shareOf(parts, [block]))} covered</span></p><svg role="img" aria-label="${text(name)}"><rect class="held" width="100%" height="100%"/>${drawn}</svg></div>`
}

/** Returns the parts of a block in ranges that are in order. */
function partsIn(block: IpRange, ranges: readonly IpRange[]): readonly IpRange[] {
  return ranges.flatMap(({ min, max }): readonly IpRange[] =>
    max < block.min || min > block.max
      ? []
      : [{ min: min < block.min ? block.min : min, max: max > block.max ? block.max : max }],
  )
}

function blockText(family: Family, block: IpRange): string {
  const prefix = rangeToPrefix(block, family)
  if (prefix !== undefined) return formatPrefix(prefix)
  return `${formatAddress(block.min, family)} – ${formatAddress(block.max, family)}`
}
