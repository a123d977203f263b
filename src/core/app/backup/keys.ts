/** From what the user gave to what seals or opens a backup. Invariant: nothing is written in the clear unless `--plain` says so. */
import type { Keys, Seal } from '../../backup/seal.js'
import { readIdentities, readPassphrase } from '../../backup/secret-files.js'
import { AppError } from '../../base/errors.js'

export interface SealFlags {
  readonly recipients: readonly string[]
  readonly passphraseFile: string | undefined
  readonly plain: boolean
  /** Counts where none of the others is given. */
  readonly environment: string | undefined
}

/** Throws `backup-not-sealed`, `seal-conflict` (usage), `secret-exposed` (credentials). */
export function sealOf({ recipients, passphraseFile, plain, environment }: SealFlags): Seal {
  const given = [recipients.length > 0, passphraseFile !== undefined, plain].filter(Boolean).length
  if (given > 1)
    throw new AppError('usage', 'seal-conflict', 'only one of --recipient, --passphrase-file and --plain can be')
  if (plain) return { type: 'plain' }
  if (recipients.length > 0) return { type: 'recipients', recipients }
  const file = passphraseFile ?? environment
  if (file !== undefined && file !== '') return { type: 'passphrase', passphrase: readPassphrase(file) }
  throw new AppError('usage', 'backup-not-sealed', 'a backup holds private keys and is not written in the clear', {
    hint: 'give --recipient age1… (age-keygen makes one) or --passphrase-file FILE; --plain if the place is safe',
  })
}

export interface KeyFlags {
  readonly identity: readonly string[]
  readonly passphraseFile: string | undefined
  readonly environment: string | undefined
}

/** Throws `identity-invalid`, `file-unreadable` (usage), `secret-exposed` (credentials). */
export async function keysOf({ identity, passphraseFile, environment }: KeyFlags): Promise<Keys> {
  const identities = (await Promise.all(identity.map(readIdentities))).flat()
  const file = passphraseFile ?? (identity.length > 0 ? undefined : environment)
  if (file === undefined || file === '') return { identities }
  return { identities, passphrase: readPassphrase(file) }
}
