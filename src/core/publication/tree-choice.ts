/**
 * Chooses the rsync tree for the next publication from the records of all trees. Pure.
 * Invariant: the current tree is never changed; a tree that may have readers is changed only if the maximum number of trees exists.
 */
import { type Instant, secondsBetween } from '../base/time.js'
import type { PubdState } from '../pubd/state.js'
import type { Tree } from './writer-records.js'

export interface TreePolicy {
  /** Seconds after which an unused tree has no readers left: the two hours of the practice for publication servers. */
  readonly quietSeconds: number
  /** Seconds after which one of `standing` trees may be used again. */
  readonly graceSeconds: number
  readonly standing: number
  /** Seconds after which an unused tree beyond `standing` is removed: a server that is busy now and then keeps the trees of its busy hours. */
  readonly keepSeconds: number
  /** Maximum number of trees: publications in quick succession get another tree, up to this number. */
  readonly max: number
}

export const DEFAULT_TREES: TreePolicy = {
  quietSeconds: 7200,
  graceSeconds: 7200,
  standing: 3,
  keepSeconds: 86_400,
  max: 16,
}

export interface TreeChoice {
  readonly name: string
  /** Its record; undefined for a tree to be built from scratch. */
  readonly tree: Tree | undefined
}

/** From so many objects on, building a tree takes much longer than a change. */
const LARGE = 1000
/** Folders of all trees that are kept ready: each is an inode and a block. */
const READY_FOLDERS = 16_000

/**
 * Returns how many trees are kept ready in a repository of this size: as many as are used before one is used again, so that no change has to build
 * one; fewer for very many publishers. Looks at no more objects than it has to.
 */
export function readyTrees(
  { publishers }: Pick<PubdState, 'publishers'>,
  { standing, max }: Pick<TreePolicy, 'standing' | 'max'>,
): number {
  const all = Object.values(publishers)
  let objects = 0
  for (const publisher of all) {
    if (objects >= LARGE) break
    objects += Object.keys(publisher.objects).length
  }
  if (objects < LARGE) return standing
  return Math.max(standing, Math.min(max, Math.floor(READY_FOLDERS / all.length)))
}

/** Returns true if no reader can be in a tree that is not current any more. */
export function isRested(tree: Tree, now: Instant, { quietSeconds }: Pick<TreePolicy, 'quietSeconds'>): boolean {
  return idleSeconds(tree, now) >= quietSeconds
}

/** Returns the tree for the state of `session`, given the current one. */
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

/** Returns extra trees that have no readers left and were unused for `keepSeconds`, longest unused first. */
export function surplusTrees(
  trees: readonly Tree[],
  current: string,
  now: Instant,
  policy: TreePolicy,
): readonly Tree[] {
  const { quietSeconds, keepSeconds } = policy
  return trees
    .filter((t) => t.name !== current && idleSeconds(t, now) >= Math.max(quietSeconds, keepSeconds))
    .sort((a, b) => idleSeconds(b, now) - idleSeconds(a, now))
    .slice(0, Math.max(0, trees.length - policy.standing))
}

/** Returns how long a tree is unused; a tree that was never current has no readers. */
function idleSeconds(tree: Tree, now: Instant): number {
  return tree.retiredAt === null ? Number.MAX_SAFE_INTEGER : secondsBetween(tree.retiredAt, now)
}

/** Compares by the number of changes needed: the newest serial needs the fewest, another session all. */
function reach(tree: Tree, session: string): number {
  return tree.session === session ? tree.serial : -1
}

/** Returns the first name that no tree has. */
export function freeName(trees: readonly Tree[], current: string | undefined): string {
  const taken = new Set([...trees.map((t) => t.name), current])
  for (let n = 0; ; n++) {
    const name = treeName(n)
    if (!taken.has(name)) return name
  }
}

/** Returns the names `a` to `z`, then `aa`. */
function treeName(n: number): string {
  const letter = (i: number): string => String.fromCharCode(97 + i)
  return n < 26 ? letter(n) : letter(Math.floor(n / 26) - 1) + letter(n % 26)
}
