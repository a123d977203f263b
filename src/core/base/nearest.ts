/** Suggestions for mistyped words: `did you mean` of configuration keys, flags and commands. */
import { distance } from 'fastest-levenshtein'

/**
 * Returns the candidate with the fewest edits from `word`, at most a third of its length (at least 1, never more than 4);
 * undefined if there is none.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  let least = Math.min(4, Math.max(1, Math.floor(word.length / 3))) + 1
  for (const candidate of candidates) {
    const edits = isSwap(word, candidate) ? 1 : distance(word, candidate)
    if (edits >= least) continue
    least = edits
    best = candidate
  }
  return best
}

/** Returns true if one letter, or the order of two neighbours, is all that differs. */
export function isSlip(word: string, meant: string): boolean {
  return isSwap(word, meant) || distance(word, meant) <= 1
}

/** Returns `, did you mean acme?` for the nearest candidate, for the end of a message; an empty text if there is none. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const near = nearest(word, candidates)
  return near === undefined ? '' : `, did you mean ${near}?`
}

/** Returns true if two neighbouring letters are all that differs. Levenshtein counts 2 edits for it, too many for a short word. */
function isSwap(a: string, b: string): boolean {
  let at = 0
  while (at < a.length && a[at] === b[at]) at++
  return at < a.length && a[at] === b[at + 1] && a[at + 1] === b[at] && a.slice(at + 2) === b.slice(at + 2)
}
