/**
 * Checkpoints (C2SP tlog-checkpoint): the signed head of the Merkle tree over all commits, to be stored on another machine.
 * Invariant: leaf n-1 is the bytes of commit n, and commits are only added, so that a stored checkpoint distinguishes an extended history
 * from one that was rolled back or replaced. A new generation is a new origin, since it may not know what the previous one signed.
 */
import { equalBytes, fromBase64, toBase64 } from '../base/bytes.js'
import { merkleTree } from '../crypto/merkle-tree.js'
import { type NoteKey, parseNote, type SignedNote, verifyNote } from '../crypto/signed-note.js'

export interface LogIdentity {
  /** Id of the data directory, from `init`. */
  readonly instance: string
  readonly generation: number
}

export interface Checkpoint extends LogIdentity {
  readonly origin: string
  /** Number of commits that it covers. */
  readonly size: number
  readonly root: Uint8Array
  readonly note: SignedNote
}

/** Returns the first line of a checkpoint, which is also the name of the key that signs it. */
export function originOf({ instance, generation }: LogIdentity): string {
  return `brine/${instance}/${generation}`
}

/** Returns the signed text. */
export function checkpointText(log: LogIdentity, size: number, root: Uint8Array): string {
  return `${originOf(log)}\n${size}\n${toBase64(root)}\n`
}

/** Parses the checkpoint in a note; undefined if it is not one of Brine. Verifies nothing. */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  const note = parseNote(text)
  const [origin = '', size = '', encoded = ''] = note?.text.split('\n') ?? []
  const [, instance, generation] = /^brine\/([^/]+)\/([1-9]\d{0,14})$/.exec(origin) ?? []
  const root = fromBase64(encoded)
  if (note === undefined || instance === undefined || !/^(0|[1-9]\d{0,14})$/.test(size) || root?.length !== 32)
    return undefined
  // further lines may follow; none of them is empty
  if (note.text.includes('\n\n')) return undefined
  return { origin, instance, generation: Number(generation), size: Number(size), root, note }
}

/** Collects the roots of the tree at given sizes while commits are read. */
export interface RootRecorder {
  /** Adds the commits in order; a missing one makes every later root unknown. */
  add(leaf: Uint8Array, n: number): void
  /** Returns the root; undefined if a commit was missing or the size is not reached. */
  at(size: number): Uint8Array | undefined
}

export function rootRecorder(sizes: readonly number[]): RootRecorder {
  const tree = merkleTree()
  const wanted = new Set(sizes)
  const roots = new Map<number, Uint8Array>([[0, tree.root()]])
  return {
    add(leaf, n) {
      if (n !== tree.size + 1) return
      tree.add(leaf)
      if (wanted.has(n)) roots.set(n, tree.root())
    },
    at: (size) => roots.get(size),
  }
}

export interface CheckpointContext {
  readonly log: LogIdentity
  /** Current number of commits. */
  readonly commits: number
  /** Root of this tree at the size of the checkpoint. */
  readonly root: Uint8Array | undefined
  /** Public keys that are accepted. */
  readonly keys: readonly Pick<NoteKey, 'publicKey'>[]
}

/** Returns why this history does not extend the one of the checkpoint; undefined if it does. */
export function checkpointProblem(checkpoint: Checkpoint, options: CheckpointContext): string | undefined {
  const { log, commits, root, keys } = options
  const { origin, instance, generation, size } = checkpoint
  if (instance !== log.instance) return `is of data directory ${instance}, but this is ${log.instance}`
  const verdicts = keys.map(({ publicKey }) => verifyNote(checkpoint.note, { name: origin, publicKey }))
  if (!verdicts.includes('good'))
    return verdicts.includes('bad') ? 'its signature does not verify' : 'it is signed by another key'
  if (size > commits) return `covers ${size} commits, but there are ${commits}: history was rolled back`
  if (generation > log.generation)
    return `was made in generation ${generation}, but this is generation ${log.generation}: history was rolled back`
  if (root === undefined) return `covers ${size} commits, not all of which can be read here`
  if (!equalBytes(root, checkpoint.root))
    return `covers ${size} commits, but the first ${size} of the ${commits} here differ: history was replaced`
  return undefined
}
