/** Reads passphrase and identity files. Invariant: a file that others can read is refused, and its content never appears in a message. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { AppError } from '../base/errors.js'
import { Secret } from '../base/secret.js'
import { secretLineOf } from '../base/secret-line.js'
import { readBlocking } from '../store/disk/blocking-read.js'
import { errnoOf } from '../store/disk/io-error.js'

/** Largest size of such a file, in bytes. */
const LIMIT = 65536

/**
 * Returns the passphrase, the only line of a file. Throws `secret-exposed` (credentials), `file-unreadable`, `passphrase-empty`,
 * `passphrase-invalid` (usage).
 */
export function readPassphrase(path: string): Secret {
  const bytes = readSecret(path)
  const read = secretLineOf(bytes)
  if ('line' in read) return new Secret(new TextDecoder().decode(read.line))
  if (read.isEmpty) throw new AppError('usage', 'passphrase-empty', `${path}: the passphrase, its first line, is empty`)
  throw new AppError('usage', 'passphrase-invalid', `${path}: not a passphrase file: it ${read.fault}`, {
    hint: HINTS[read.kind ?? 'other'](path),
    details: { path },
  })
}

const HINTS: Readonly<Record<'identity' | 'recipient' | 'pem' | 'other', (path: string) => string>> = {
  identity: (path) => `give it with --identity ${path}`,
  recipient: () => 'encrypt with --recipient age1…, and decrypt with --identity FILE',
  pem: () => 'give a file with a passphrase of its own; an age identity is given with --identity',
  other: () => 'give a file of one line of UTF-8 text without control characters: openssl rand -base64 32 > FILE',
}

/** Returns the identities in a file that age-keygen wrote. Throws `identity-invalid` (usage), `secret-exposed` (credentials). */
export async function readIdentities(path: string): Promise<readonly Secret[]> {
  const lines = new TextDecoder().decode(readSecret(path)).split(/\r?\n/)
  const found = lines.map((line, i) => ({ line: line.trim(), number: i + 1 }))
  const identities = found.filter(({ line }) => line !== '' && !line.startsWith('#'))
  const { Decrypter } = await import('age-encryption')
  for (const { line, number } of identities) {
    try {
      new Decrypter().addIdentity(line)
    } catch {
      throw new AppError('usage', 'identity-invalid', `${path} line ${number}: invalid age identity`, {
        hint: 'identities begin with AGE-SECRET-KEY-1; ssh keys and encrypted identity files are not supported',
      })
    }
  }
  if (identities.length > 0) return identities.map(({ line }) => new Secret(line))
  throw new AppError('usage', 'identity-invalid', `${path}: contains no identity`)
}

function readSecret(path: string): Uint8Array {
  return readBlocking(path, () => readOpened(path))
}

function readOpened(path: string): Uint8Array {
  let fd: number | undefined
  try {
    fd = openSync(path, 'r')
    const stat = fstatSync(fd)
    if (stat.isFile() && (stat.mode & 0o077) !== 0) throw secretExposed(path, stat.mode)
    if (stat.isFile() && stat.size > LIMIT)
      throw new AppError('usage', 'file-too-long', `${path}: longer than ${LIMIT} bytes`)
    return readFileSync(fd)
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    const errno = errnoOf(cause) ?? 'EIO'
    throw new AppError('usage', 'file-unreadable', `cannot read ${path}: ${errno}`, { details: { path, errno } })
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

function secretExposed(path: string, mode: number): AppError {
  const shown = (mode & 0o777).toString(8)
  return new AppError('credentials', 'secret-exposed', `${path}: others can read or change it (mode ${shown})`, {
    hint: `chmod 0600 ${path}; if others have had access, change the secret`,
    details: { path },
  })
}
