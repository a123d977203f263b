/** Turns flags into the encryption of a new backup, or the keys that decrypt one. Invariant: only `--plain` gives an unencrypted backup. */
import { COMPRESSIONS } from '../../backup/compression.js'
import type { DecryptionKeys, Encryption } from '../../backup/encryption.js'
import { readIdentities, readPassphrase } from '../../backup/secret-files.js'
import { AppError } from '../../base/errors.js'

/** Values of `--compress`. */
export const COMPRESSION_CHOICES = COMPRESSIONS

export interface EncryptionFlags {
  readonly recipients: readonly string[]
  readonly passphraseFile: string | undefined
  readonly plain: boolean
  /** Passphrase file from the environment, used if no flag is given. */
  readonly environment: string | undefined
}

/** Returns the encryption that the flags ask for. Throws `backup-not-sealed`, `seal-conflict` (usage), `secret-exposed` (credentials). */
export function encryptionFromFlags({ recipients, passphraseFile, plain, environment }: EncryptionFlags): Encryption {
  const given = [recipients.length > 0, passphraseFile !== undefined, plain].filter(Boolean).length
  if (given > 1)
    throw new AppError('usage', 'seal-conflict', 'only one of --recipient, --passphrase-file and --plain can be given')
  if (plain) return { type: 'plain' }
  if (recipients.length > 0) return { type: 'recipients', recipients }
  const file = passphraseFile ?? environment
  if (file !== undefined && file !== '') return { type: 'passphrase', passphrase: readPassphrase(file) }
  throw new AppError(
    'usage',
    'backup-not-sealed',
    'a backup contains private keys, so encryption or --plain is required',
    {
      hint: 'give --recipient age1… (from age-keygen) or --passphrase-file FILE; --plain only if the target is safe',
    },
  )
}

export interface DecryptionFlags {
  readonly identity: readonly string[]
  readonly passphraseFile: string | undefined
  /** Passphrase file from the environment, used if no flag is given. */
  readonly environment: string | undefined
}

/** Reads the keys that the flags name. Throws `identity-invalid`, `file-unreadable` (usage), `secret-exposed` (credentials). */
export async function decryptionKeysFromFlags({
  identity,
  passphraseFile,
  environment,
}: DecryptionFlags): Promise<DecryptionKeys> {
  const identities = (await Promise.all(identity.map(readIdentities))).flat()
  const file = passphraseFile ?? (identity.length > 0 ? undefined : environment)
  if (file === undefined || file === '') return { identities }
  return { identities, passphrase: readPassphrase(file) }
}
