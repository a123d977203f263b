/**
 * PINs of tokens: from a file or the environment, never from an argument, the configuration or a prompt.
 * Invariant: a PIN that a token refused is not shown to it a second time, by whatever process, until the operator gives another.
 */
import { randomBytes, scryptSync, timingSafeEqual } from 'node:crypto'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { configFault, readConfigured } from './files.js'

export interface PinSource {
  readonly pinFile: string | undefined
  /** Name of an environment variable. */
  readonly pinEnv: string | undefined
}

/** The PIN, to be overwritten by who asked; undefined where none is configured. Throws a BackendFault (config-fault). */
export async function readPin({ pinFile, pinEnv }: PinSource): Promise<Buffer | undefined> {
  if (pinFile !== undefined) {
    const bytes = await readConfigured(pinFile, true)
    let end = bytes.length
    while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end -= 1
    if (end === 0) throw configFault('ca-pin-missing', `${pinFile}: the PIN in it is empty`)
    return bytes.subarray(0, end)
  }
  if (pinEnv === undefined) return undefined
  const value = process.env[pinEnv] ?? ''
  if (value === '') throw configFault('ca-pin-missing', `the environment variable ${pinEnv} has no PIN in it`)
  return Buffer.from(value)
}

/** What is kept of a refused PIN: enough to know it again, slow to guess from. */
function fingerprint(pin: Buffer, salt: Buffer): Buffer {
  return scryptSync(pin, salt, 32)
}

const SALT = 16

/** Throws a BackendFault (config-fault) for the PIN that token `name` refused last. The token's lock is held. */
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
  throw configFault(
    'ca-pin-refused',
    `${token}: the PIN was refused before and is not tried again: give the right one, or remove ${path} if the token takes it by now`,
  )
}

/** Remembers it. The token's lock is held. */
export function keepRefused(folder: string, name: string, pin: Buffer): void {
  const salt = randomBytes(SALT)
  const path = refusals(folder, name)
  // a new file, so that its mode is ours
  fs.rmSync(path, { force: true })
  fs.writeFileSync(path, Buffer.concat([salt, fingerprint(pin, salt)]), { mode: 0o600, flush: true })
}

function refusals(folder: string, name: string): string {
  return join(folder, `${name}.refused`)
}
