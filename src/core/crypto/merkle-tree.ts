/**
 * The Merkle tree of RFC 6962 section 2.1 over an ordered list of byte strings, grown leaf by leaf.
 * Invariant: only the roots of complete subtrees are kept, so memory is logarithmic in the length.
 */
import { createHash } from 'node:crypto'

export interface MerkleTree {
  readonly size: number
  add(leaf: Uint8Array): void
  /** Returns the tree head, 32 bytes; for an empty list the hash of the empty string. */
  root(): Uint8Array
}

const [LEAF, NODE] = [new Uint8Array([0]), new Uint8Array([1])]

/** Returns an empty tree. */
export function merkleTree(): MerkleTree {
  /** Roots of complete subtrees, the largest first: one for each bit of the size. */
  const roots: Uint8Array[] = []
  let size = 0
  return {
    get size() {
      return size
    },
    add(leaf) {
      let hash = sha256Of(LEAF, leaf)
      for (let n = size; n % 2 === 1; n = (n - 1) / 2) hash = sha256Of(NODE, roots.pop() ?? LEAF, hash)
      roots.push(hash)
      size += 1
    },
    root() {
      const last = roots.at(-1)
      if (last === undefined) return sha256Of()
      return roots.slice(0, -1).reduceRight((right, left) => sha256Of(NODE, left, right), last)
    },
  }
}

function sha256Of(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return new Uint8Array(hash.digest())
}
