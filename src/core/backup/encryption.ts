/**
 * Encryption of backups with age (age-encryption.org/v1), for recipients or with a passphrase. Invariants: the library is loaded only when
 * needed, for headers and keys; memory does not grow with the backup; a wrong key and a damaged file are different errors wherever they can be distinguished.
 */
import type { Encrypter } from 'age-encryption'
import { concat } from '../base/bytes.js'
import { AppError } from '../base/errors.js'
import type { Secret } from '../base/secret.js'
import { quoted } from '../base/text.js'
import { opened, sealed, splitHeader } from './age-stream.js'
import { backupDamaged } from './format.js'
import { passphraseIdentity, passphraseRecipient } from './passphrase.js'

/** Encryption of a backup that is written. */
export type Encryption =
  | { readonly type: 'plain' }
  | { readonly type: 'recipients'; readonly recipients: readonly string[] }
  | { readonly type: 'passphrase'; readonly passphrase: Secret }

/** Passphrase and identities for decrypting a backup. */
export interface DecryptionKeys {
  readonly passphrase?: Secret
  readonly identities?: readonly Secret[]
}

export type Bytes = AsyncIterable<Uint8Array>

const AGE = 'age-encryption.org/v1\n'
const ARMOR = '-----BEGIN AGE ENCRYPTED FILE-----'

/** Throws `recipient-invalid` (usage), before anything is written. */
export async function checkRecipients(recipients: readonly string[]): Promise<void> {
  const { Encrypter } = await import('age-encryption')
  for (const recipient of recipients) {
    try {
      new Encrypter().addRecipient(recipient)
    } catch (cause) {
      const hint = recipient.startsWith('AGE-SECRET-KEY')
        ? 'this is an identity, which is secret; give its recipient, which age-keygen -y prints'
        : 'a recipient begins with age1; age-keygen prints it'
      // an identity given by mistake must not appear in the message
      const shown = recipient.startsWith('age1') ? quoted(recipient) : 'it does not begin with age1'
      throw new AppError('usage', 'recipient-invalid', `invalid age recipient: ${shown}`, { hint, cause })
    }
  }
}

/** Returns the encrypted bytes. */
export async function encrypt(bytes: Bytes, how: Exclude<Encryption, { readonly type: 'plain' }>): Promise<Bytes> {
  const { Encrypter, Stanza } = await import('age-encryption')
  const encrypter = new Encrypter()
  if (how.type === 'passphrase') encrypter.addRecipient(passphraseRecipient(how.passphrase, Stanza))
  else for (const recipient of how.recipients) encrypter.addRecipient(recipient)
  // a recipient without a stanza, which learns the key of the payload
  let fileKey: Uint8Array = new Uint8Array()
  encrypter.addRecipient({
    wrapFileKey: async (key) => {
      fileKey = key
      return []
    },
  })
  return withHeader(await headerBy(encrypter), sealed(bytes, fileKey))
}

/** Returns the header of an empty file. Passes a stream, since the library otherwise loads the HTTP client of Node to make one. */
async function headerBy(encrypter: Encrypter): Promise<Uint8Array> {
  const nothing = new ReadableStream<Uint8Array>({ start: (controller) => controller.close() })
  const split = await splitHeader(await encrypter.encrypt(nothing))
  if (split === undefined) throw new Error('the header of the encryption does not end')
  return split.header
}

/** Yields the header together with the nonce, which comes first in the payload. */
async function* withHeader(header: Uint8Array, payload: Bytes): AsyncGenerator<Uint8Array> {
  let head: Uint8Array | undefined = header
  for await (const part of payload) {
    yield head === undefined ? part : concat([head, part])
    head = undefined
  }
}

/** Returns true if these are the first bytes of an encrypted backup. Throws `backup-armored` (usage) for the text form of age. */
export function isEncrypted(head: Uint8Array, name: string): boolean {
  const text = Buffer.from(head.subarray(0, ARMOR.length)).toString('latin1')
  if (text === ARMOR)
    throw new AppError('usage', 'backup-armored', `${name}: the armored form of age is not supported`, {
      hint: `age --decrypt ${name} | brine backup verify -`,
    })
  return text.startsWith(AGE)
}

/** Returns the decrypted bytes. Throws `backup-key-needed` (usage), `backup-key-wrong` (credentials), `backup-damaged` (corrupt). */
export async function decrypt(bytes: Bytes, keys: DecryptionKeys, name: string): Promise<Bytes> {
  if (keys.passphrase === undefined && (keys.identities ?? []).length === 0)
    throw new AppError('usage', 'backup-key-needed', `${name} is encrypted`, {
      hint: 'give --identity FILE or --passphrase-file FILE',
    })
  const { Decrypter } = await import('age-encryption')
  const decrypter = new Decrypter()
  if (keys.passphrase !== undefined) decrypter.addIdentity(passphraseIdentity(keys.passphrase))
  for (const identity of keys.identities ?? []) decrypter.addIdentity(identity.reveal())
  const split = await splitHeader(bytes)
  if (split === undefined) throw backupDamaged(name, 'the header of the encryption is damaged')
  try {
    return withDamageReported(opened(split.payload, await decrypter.decryptHeader(split.header)), name)
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    if (cause instanceof Error && cause.message.startsWith('no identity matched'))
      throw new AppError('credentials', 'backup-key-wrong', `${name}: the ${describeKeys(keys)} does not decrypt it`, {
        hint: 'give the identity of one of its recipients, or the passphrase that it was encrypted with',
        details: { path: name },
        cause,
      })
    throw backupDamaged(name, 'the header of the encryption is damaged', cause)
  }
}

function describeKeys({ passphrase, identities = [] }: DecryptionKeys): string {
  if (identities.length === 0) return 'passphrase'
  return passphrase === undefined ? 'identity' : 'passphrase or identity'
}

async function* withDamageReported(bytes: Bytes, name: string): Bytes & AsyncGenerator<Uint8Array> {
  try {
    yield* bytes
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    throw backupDamaged(name, 'the encrypted data is truncated or was changed', cause)
  }
}
