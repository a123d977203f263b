/**
 * Checkpoints (C2SP tlog-checkpoint): the head of the Merkle tree over all commits, signed, to be kept elsewhere.
 * Invariant: leaf n-1 is the bytes of commit n, and commits are only ever added: whoever kept one can tell a history that grew from one
 * that was rolled back or written anew. A new generation is a new origin, since it may not know what the one before it signed.
 */
import { equalBytes, fromBase64, toBase64 } from '../base/bytes.js'
import { merkleTree } from '../crypto/merkle-tree.js'
import { type NoteKey, parseNote, type SignedNote, verifyNote } from '../crypto/signed-note.js'

export interface LogIdentity {
  /** Of the data directory, as `init` made it. */
  readonly instance: string
  readonly generation: number
}

export interface Checkpoint extends LogIdentity {
  readonly origin: string
  /** Commits that it saw. */
  readonly size: number
  readonly root: Uint8Array
  readonly note: SignedNote
}

/** The first line of a checkpoint, and the name of the key that signs it. */
export function originOf({ instance, generation }: LogIdentity): string {
  return `brine/${instance}/${generation}`
}

/** What is signed. */
export function checkpointText(log: LogIdentity, size: number, root: Uint8Array): string {
  return `${originOf(log)}\n${size}\n${toBase64(root)}\n`
}

/** The checkpoint in a note; undefined when it is none of ours. Verifies nothing. */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  const note = parseNote(text)
  const [origin = '', size = '', encoded = ''] = note?.text.split('\n') ?? []
  const [, instance, generation] = /^brine\/([^/]+)\/([1-9]\d{0,14})$/.exec(origin) ?? []
  const root = fromBase64(encoded)
  if (note === undefined || instance === undefined || !/^(0|[1-9]\d{0,14})$/.test(size) || root?.length !== 32)
    return undefined
  // lines may follow; none of them is empty
  if (note.text.includes('\n\n')) return undefined
  return { origin, instance, generation: Number(generation), size: Number(size), root, note }
}

/** Collects the roots of the tree at some sizes while the commits go by. */
export interface RootRecorder {
  /** The commits in order; one that is left out makes every later root unknown. */
  add(leaf: Uint8Array, n: number): void
  /** Undefined where a commit was missing or it has not come so far. */
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

export interface JudgeOptions {
  readonly log: LogIdentity
  /** Commits there are now. */
  readonly commits: number
  /** Of the tree here at the size of the checkpoint. */
  readonly root: Uint8Array | undefined
  /** Public keys that may have signed it. */
  readonly keys: readonly Pick<NoteKey, 'publicKey'>[]
}

/** Why this history is not one that grew from what the checkpoint saw; undefined when it is. */
export function judgeCheckpoint(checkpoint: Checkpoint, options: JudgeOptions): string | undefined {
  const { log, commits, root, keys } = options
  const { origin, instance, generation, size } = checkpoint
  if (instance !== log.instance) return `is of the directory ${instance}, and this is ${log.instance}`
  const verdicts = keys.map(({ publicKey }) => verifyNote(checkpoint.note, { name: origin, publicKey }))
  if (!verdicts.includes('good'))
    return verdicts.includes('bad') ? 'its signature does not verify' : 'it is signed by another key'
  if (size > commits) return `saw ${size} commits, and here are ${commits}: history was rolled back`
  if (generation > log.generation)
    return `was made in generation ${generation}, and this is generation ${log.generation}: history was rolled back`
  if (root === undefined) return `saw ${size} commits, and not all of them can be read here`
  if (!equalBytes(root, checkpoint.root))
    return `saw ${size} commits, and the first ${size} of the ${commits} here are others: history was written anew`
  return undefined
}
