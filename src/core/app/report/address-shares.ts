/** Sizes of ranges, as parts of each other and in words. Pure. */
import type { IpRange } from '../../resources/types.js'
import { type Markup, text } from './markup.js'

export function sizeOf({ min, max }: IpRange): bigint {
  return max - min + 1n
}

/** Returns which part of the ranges `whole` the ranges `part` are, from 0 to 1. One address of all counts too. */
export function shareOf(part: readonly IpRange[], whole: readonly IpRange[]): number {
  const sum = (ranges: readonly IpRange[]): bigint => ranges.reduce((all, range) => all + sizeOf(range), 0n)
  return Number((sum(part) << 128n) / sum(whole)) / 2 ** 128
}

/** Returns a share as text: `<1 %` rather than 0 % for a small part, `>99 %` rather than 100 % for an incomplete one. */
export function percent(share: number): Markup {
  if (share > 0 && share < 0.01) return text('<1 %')
  if (share < 1 && share > 0.99) return text('>99 %')
  return text(`${Math.round(share * 100)} %`)
}
