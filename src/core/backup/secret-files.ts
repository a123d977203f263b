/** Passphrase and identity files. Invariant: one that others can read is refused, and its content never gets into a message. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { AppError } from '../base/errors.js'
import { Secret } from '../base/secret.js'
import { errnoOf } from '../store/disk/io-error.js'

const LIMIT = 65536

/** The first line of a file. Throws `secret-exposed` (credentials), `file-unreadable`, `passphrase-empty` (usage). */
export function readPassphrase(path: string): Secret {
  const [line = ''] = readSecret(path).split(/\r?\n/)
  if (line.trim() !== '') return new Secret(line)
  throw new AppError('usage', 'passphrase-empty', `${path}: its first line, the passphrase, is empty`)
}

/** The identities of a file as age-keygen writes it. Throws `identity-invalid` (usage), `secret-exposed` (credentials). */
export async function readIdentities(path: string): Promise<readonly Secret[]> {
  const lines = readSecret(path).split(/\r?\n/)
  const found = lines.map((line, i) => ({ line: line.trim(), number: i + 1 }))
  const identities = found.filter(({ line }) => line !== '' && !line.startsWith('#'))
  const { Decrypter } = await import('age-encryption')
  for (const { line, number } of identities) {
    try {
      new Decrypter().addIdentity(line)
    } catch {
      throw new AppError('usage', 'identity-invalid', `${path} line ${number}: not an identity of age`, {
        hint: 'identities begin with AGE-SECRET-KEY-1; ssh keys and encrypted identity files are not read',
      })
    }
  }
  if (identities.length > 0) return identities.map(({ line }) => new Secret(line))
  throw new AppError('usage', 'identity-invalid', `${path}: there is no identity in it`)
}

function readSecret(path: string): string {
  let fd: number | undefined
  try {
    fd = openSync(path, 'r')
    const stat = fstatSync(fd)
    if (stat.isFile() && (stat.mode & 0o077) !== 0) throw exposed(path, stat.mode)
    if (stat.isFile() && stat.size > LIMIT)
      throw new AppError('usage', 'file-too-long', `${path}: longer than ${LIMIT} bytes`)
    return readFileSync(fd, 'utf8')
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    const errno = errnoOf(cause) ?? 'EIO'
    throw new AppError('usage', 'file-unreadable', `cannot read ${path}: ${errno}`, { details: { path, errno } })
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

function exposed(path: string, mode: number): AppError {
  const shown = (mode & 0o777).toString(8)
  return new AppError('credentials', 'secret-exposed', `${path}: others can read or change it (mode ${shown})`, {
    hint: `chmod 0600 ${path}; if others have had access, change the secret`,
    details: { path },
  })
}
