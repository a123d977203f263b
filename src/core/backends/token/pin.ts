/**
 * PINs of tokens, from a file or the environment, never from an argument, the configuration or a prompt.
 * Invariant: a PIN that a token has refused is not sent to it again, by any process, until the operator sets another one.
 */
import { randomBytes, scryptSync, timingSafeEqual } from 'node:crypto'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { secretLineOf } from '../../base/secret-line.js'
import { configFault, lockingFault, readConfigured } from '../files.js'

export interface PinSource {
  readonly pinFile: string | undefined
  /** Name of an environment variable. */
  readonly pinEnv: string | undefined
}

/** Reads the PIN, which the caller overwrites after use; undefined if none is configured. Throws a BackendFault (`config-fault`). */
export async function readPin({ pinFile, pinEnv }: PinSource): Promise<Buffer | undefined> {
  if (pinFile !== undefined) {
    const bytes = await readConfigured(pinFile, true)
    const read = secretLineOf(bytes)
    if ('line' in read) return Buffer.from(bytes.buffer, read.line.byteOffset, read.line.length)
    bytes.fill(0)
    if (read.isEmpty) throw configFault('ca-pin-missing', `${pinFile}: the PIN is empty`)
    throw configFault('ca-pin-invalid', `${pinFile}: not a PIN file of one line: it ${read.fault}`)
  }
  if (pinEnv === undefined) return undefined
  const value = process.env[pinEnv] ?? ''
  if (value === '')
    throw configFault('ca-pin-missing', `the environment variable ${pinEnv} is empty; it must contain the PIN`)
  const read = secretLineOf(Buffer.from(value))
  if ('fault' in read && !read.isEmpty)
    throw configFault('ca-pin-invalid', `the environment variable ${pinEnv} is not a PIN: it ${read.fault}`)
  return Buffer.from(value)
}

/** Computes the record of a refused PIN: a slow hash, so that the PIN cannot be guessed from it. */
function fingerprint(pin: Buffer, salt: Buffer): Buffer {
  return scryptSync(pin, salt, 32)
}

const SALT = 16

/** Throws a BackendFault (`config-fault`) for the PIN that token `name` refused last. The caller holds the lock of the token. */
export function checkNotRefused(folder: string, name: string, pin: Buffer, token: string): void {
  const path = refusals(folder, name)
  let kept: Buffer
  try {
    kept = fs.readFileSync(path)
  } catch {
    return
  }
  const [salt, known] = [kept.subarray(0, SALT), kept.subarray(SALT)]
  if (known.length !== 32 || !timingSafeEqual(known, fingerprint(pin, salt))) return
  throw lockingFault(
    'ca-pin-refused',
    `${token}: the PIN was refused before and is not tried again: configure the right one, or remove ${path} if the token accepts it now`,
  )
}

/** Records a refused PIN. The caller holds the lock of the token. */
export function keepRefused(folder: string, name: string, pin: Buffer): void {
  const salt = randomBytes(SALT)
  const path = refusals(folder, name)
  // a new file, so that it gets the right mode
  fs.rmSync(path, { force: true })
  fs.writeFileSync(path, Buffer.concat([salt, fingerprint(pin, salt)]), { mode: 0o600, flush: true })
}

function refusals(folder: string, name: string): string {
  return join(folder, `${name}.refused`)
}
