/**
 * Which standing tree the next publication goes to: pure choice over what is remembered of each.
 * Invariant: the tree that `current` names is never touched; one that a reader may still hold open only when there are as many as allowed.
 */
import { type Instant, secondsBetween } from '../base/time.js'
import type { Tree } from './writer-records.js'

export interface TreePolicy {
  /** Out of use for so long, a tree is free: nobody reads an hour. */
  readonly quietSeconds: number
  /** With `standing` trees in turn, so long is enough: longer than validators wait for rsync. */
  readonly graceSeconds: number
  readonly standing: number
  /** Publications that follow each other faster than that get a tree of their own, up to so many. */
  readonly max: number
}

export const DEFAULT_TREES: TreePolicy = { quietSeconds: 3600, graceSeconds: 300, standing: 3, max: 16 }

export interface TreeChoice {
  readonly name: string
  /** What it holds now; undefined for a tree to be built from nothing. */
  readonly tree: Tree | undefined
}

/** The tree for the state of `session`, given the one that is current. */
export function chooseTree(
  trees: readonly Tree[],
  current: string | undefined,
  session: string,
  now: Instant,
  policy: TreePolicy,
): TreeChoice {
  const idle = trees
    .filter((t) => t.name !== current)
    .sort((a, b) => idleSeconds(b, now) - idleSeconds(a, now) || (a.name < b.name ? -1 : 1))
  const nearest = idle
    .filter((t) => idleSeconds(t, now) >= policy.quietSeconds)
    .sort((a, b) => reach(b, session) - reach(a, session))[0]
  if (nearest !== undefined) return { name: nearest.name, tree: nearest }
  const [longest] = idle
  const another = { name: freeName(trees, current), tree: undefined }
  if (longest === undefined || trees.length < policy.standing) return another
  const rested = idleSeconds(longest, now) >= policy.graceSeconds
  return rested || trees.length >= policy.max ? { name: longest.name, tree: longest } : another
}

/** Trees beyond the standing ones that nobody can be reading any more, longest idle first. */
export function surplusTrees(
  trees: readonly Tree[],
  current: string,
  now: Instant,
  policy: TreePolicy,
): readonly Tree[] {
  return trees
    .filter((t) => t.name !== current && idleSeconds(t, now) >= policy.quietSeconds)
    .sort((a, b) => idleSeconds(b, now) - idleSeconds(a, now))
    .slice(0, Math.max(0, trees.length - policy.standing))
}

/** A tree that never was current has had no reader. */
function idleSeconds(tree: Tree, now: Instant): number {
  return tree.retiredAt === null ? Number.MAX_SAFE_INTEGER : secondsBetween(tree.retiredAt, now)
}

/** The newest serial needs the fewest changes; another session needs all of them. */
function reach(tree: Tree, session: string): number {
  return tree.session === session ? tree.serial : -1
}

function freeName(trees: readonly Tree[], current: string | undefined): string {
  const taken = new Set([...trees.map((t) => t.name), current])
  for (let n = 0; ; n++) {
    const name = treeName(n)
    if (!taken.has(name)) return name
  }
}

/** `a` to `z`, then `aa`. */
function treeName(n: number): string {
  const letter = (i: number): string => String.fromCharCode(97 + i)
  return n < 26 ? letter(n) : letter(Math.floor(n / 26) - 1) + letter(n % 26)
}
