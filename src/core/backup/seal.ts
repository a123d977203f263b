/**
 * Encryption of backups by age (age-encryption.org/v1), for recipients or by a passphrase. Invariants: the library is loaded only where it is
 * needed; memory does not grow with the backup; a key that does not fit is told apart from a file that is damaged where that can be known.
 */
import { Readable } from 'node:stream'
import type { ReadableStream as WebStream } from 'node:stream/web'
import { AppError } from '../base/errors.js'
import type { Secret } from '../base/secret.js'
import { quoted } from '../base/text.js'
import { damaged } from './format.js'
import { passphraseIdentity, passphraseRecipient } from './passphrase.js'

/** How a backup is written. */
export type Seal =
  | { readonly type: 'plain' }
  | { readonly type: 'recipients'; readonly recipients: readonly string[] }
  | { readonly type: 'passphrase'; readonly passphrase: Secret }

/** What may open a backup. */
export interface Keys {
  readonly passphrase?: Secret
  readonly identities?: readonly Secret[]
}

export type Bytes = AsyncIterable<Uint8Array>

const AGE = 'age-encryption.org/v1\n'
const ARMOR = '-----BEGIN AGE ENCRYPTED FILE-----'

/** Throws `recipient-invalid` (usage) before anything is written. */
export async function checkRecipients(recipients: readonly string[]): Promise<void> {
  const { Encrypter } = await import('age-encryption')
  for (const recipient of recipients) {
    try {
      new Encrypter().addRecipient(recipient)
    } catch (cause) {
      const hint = recipient.startsWith('AGE-SECRET-KEY')
        ? 'this is an identity, which is secret: give its recipient, as age-keygen -y prints it'
        : 'a recipient begins with age1; age-keygen prints it'
      // an identity that was given by mistake is not repeated
      const shown = recipient.startsWith('age1') ? quoted(recipient) : 'it does not begin with age1'
      throw new AppError('usage', 'recipient-invalid', `not a recipient of age: ${shown}`, { hint, cause })
    }
  }
}

/** The bytes sealed. */
export async function seal(bytes: Bytes, how: Exclude<Seal, { readonly type: 'plain' }>): Promise<Bytes> {
  const { Encrypter, Stanza } = await import('age-encryption')
  const encrypter = new Encrypter()
  if (how.type === 'passphrase') encrypter.addRecipient(passphraseRecipient(how.passphrase, Stanza))
  else for (const recipient of how.recipients) encrypter.addRecipient(recipient)
  return fromWeb(await encrypter.encrypt(toWeb(bytes)))
}

/** Are these the first bytes of a sealed backup? Throws `backup-armored` for the form that is text. */
export function isSealed(head: Uint8Array, name: string): boolean {
  const text = Buffer.from(head.subarray(0, ARMOR.length)).toString('latin1')
  if (text === ARMOR)
    throw new AppError('usage', 'backup-armored', `${name}: encrypted in the armored form, which is not read`, {
      hint: `age --decrypt ${name} | brine backup verify -`,
    })
  return text.startsWith(AGE)
}

/** The bytes in the clear. Throws `backup-key-needed` (usage), `backup-key-wrong` (credentials), `backup-damaged` (corrupt). */
export async function unseal(bytes: Bytes, keys: Keys, name: string): Promise<Bytes> {
  if (keys.passphrase === undefined && (keys.identities ?? []).length === 0)
    throw new AppError('usage', 'backup-key-needed', `${name} is encrypted`, {
      hint: 'give --identity FILE or --passphrase-file FILE',
    })
  const { Decrypter } = await import('age-encryption')
  const decrypter = new Decrypter()
  if (keys.passphrase !== undefined) decrypter.addIdentity(passphraseIdentity(keys.passphrase))
  for (const identity of keys.identities ?? []) decrypter.addIdentity(identity.reveal())
  try {
    return inTheClear(fromWeb(await decrypter.decrypt(toWeb(bytes))), name)
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    if (cause instanceof Error && cause.message.startsWith('no identity matched'))
      throw new AppError('credentials', 'backup-key-wrong', `${name}: the ${whatOf(keys)} does not open it`, {
        hint: 'give the identity of one of its recipients, or the passphrase that it was made with',
        details: { path: name },
        cause,
      })
    throw damaged(name, 'the head of the encryption is damaged', cause)
  }
}

function whatOf({ passphrase, identities = [] }: Keys): string {
  if (identities.length === 0) return 'passphrase'
  return passphrase === undefined ? 'identity' : 'passphrase or identity'
}

async function* inTheClear(bytes: Bytes, name: string): Bytes & AsyncGenerator<Uint8Array> {
  try {
    yield* bytes
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    throw damaged(name, 'what is encrypted was changed or cut off', cause)
  }
}

function toWeb(bytes: Bytes): ReadableStream<Uint8Array> {
  return Readable.toWeb(Readable.from(bytes, { objectMode: false })) as unknown as ReadableStream<Uint8Array>
}

function fromWeb(stream: ReadableStream<Uint8Array>): Bytes {
  return stream as unknown as WebStream<Uint8Array>
}
