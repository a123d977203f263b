/**
 * Signed notes of C2SP (signed-note v1.0.0): a text, an empty line, and lines with the name of a key and its signature over the text.
 * Invariant: a signature line is valid only for the key with its name and id; lines of other keys are ignored.
 */
import { concat, equalBytes, fromBase64, toBase64, toHex, utf8 } from '../base/bytes.js'
import { sha256 } from './digest.js'
import { ed25519PublicOf, signEd25519, verifyEd25519 } from './ed25519.js'

export interface NoteKey {
  /** No spaces and no plus sign. */
  readonly name: string
  /** 32 bytes. */
  readonly publicKey: Uint8Array
}

export interface NoteSignature {
  readonly name: string
  /** 4 bytes. */
  readonly keyId: Uint8Array
  readonly signature: Uint8Array
}

export interface SignedNote {
  /** The signed text, with its final newline. */
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

const ED25519 = 1
const MAX_NOTE = 1_000_000
const MAX_SIGNATURES = 100
// spaces, plus signs and control characters
const NAME = /^[^\p{Z}\p{Cc}+]+$/u

/** Returns the first four bytes of SHA-256 over name, newline, type and key. */
export function noteKeyId({ name, publicKey }: NoteKey): Uint8Array {
  return sha256(concat([utf8(`${name}\n`), new Uint8Array([ED25519]), publicKey])).subarray(0, 4)
}

/** Returns a verifier key: `name+id+base64`. */
export function formatVerifierKey(key: NoteKey): string {
  return `${key.name}+${toHex(noteKeyId(key))}+${toBase64(concat([new Uint8Array([ED25519]), key.publicKey]))}`
}

/** Parses a verifier key; undefined for another form, or if the id does not match the key. */
export function parseVerifierKey(text: string): NoteKey | undefined {
  const [, name = '', id, encoded = ''] = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/.exec(text) ?? []
  const bytes = fromBase64(encoded)
  if (!NAME.test(name) || bytes?.length !== 33 || bytes[0] !== ED25519) return undefined
  const key = { name, publicKey: bytes.subarray(1) }
  return toHex(noteKeyId(key)) === id ? key : undefined
}

/** Returns the note over `text` (which ends with a newline) with one signature. `pkcs8` is an Ed25519 key. */
export function signNote(text: string, name: string, pkcs8: Uint8Array): string {
  const publicKey = ed25519PublicOf(pkcs8)
  if (publicKey === undefined || !text.endsWith('\n') || !NAME.test(name)) throw new TypeError('no note can say this')
  const signature = concat([noteKeyId({ name, publicKey }), signEd25519(pkcs8, utf8(text))])
  return `${text}\n— ${name} ${toBase64(signature)}\n`
}

/** Returns the parts of a note; undefined for other text. Verifies nothing. */
export function parseNote(note: string): SignedNote | undefined {
  // a newline is the only control character allowed in a note
  if (note.length > MAX_NOTE || !note.endsWith('\n') || /\p{Cc}/u.test(note.replaceAll('\n', ''))) return undefined
  const split = note.lastIndexOf('\n\n')
  const lines = note.slice(split + 2, -1).split('\n')
  if (split < 1 || lines.length > MAX_SIGNATURES) return undefined
  const signatures: NoteSignature[] = []
  for (const line of lines) {
    const [, name = '', encoded = ''] = /^— (\S+) (\S+)$/.exec(line) ?? []
    const bytes = fromBase64(encoded)
    if (!NAME.test(name) || bytes === undefined || bytes.length < 5) return undefined
    signatures.push({ name, keyId: bytes.subarray(0, 4), signature: bytes.subarray(4) })
  }
  return { text: note.slice(0, split + 1), signatures }
}

/** Returns `good`, `bad` (the name and id match, but the signature does not verify), or `absent`. */
export function verifyNote(note: SignedNote, key: NoteKey): 'good' | 'bad' | 'absent' {
  const id = noteKeyId(key)
  const ours = note.signatures.filter((s) => s.name === key.name && equalBytes(id, s.keyId))
  if (ours.length === 0) return 'absent'
  return ours.every((s) => verifyEd25519(key.publicKey, utf8(note.text), s.signature)) ? 'good' : 'bad'
}
