/**
 * Child process that talks to a token: PKCS #11 calls block, and a vendor library that hangs or crashes can be ended this way.
 * Invariants: the PIN is tried once; the key never leaves the token; the process ends when its parent does.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'
import type { Handle, PKCS11, TokenInfo } from 'pkcs11js'
import type { TokenWanted } from '../../config/enrolment/pkcs11-uri.js'
import {
  type FailedMessage,
  type FromToken,
  type Mechanism,
  type OpenMessage,
  PIN_FD,
  type SignMessage,
  type ToToken,
} from './pkcs11-messages.js'

type Addon = typeof import('pkcs11js')

/**
 * A process that hangs in a library receives no message, so a thread checks that the parent is alive. The parent's process id is an
 * argument, since the parent may end before this thread starts.
 */
const WATCH = `const look = () => { if (process.ppid !== Number(process.argv[2])) process.kill(process.pid, 'SIGKILL') }
setInterval(look, 1000)
look()`

/** A failure outside of PKCS #11: the token, key or PIN is not found or not unique. */
class Found extends Error {
  readonly step: FailedMessage['step']

  constructor(step: FailedMessage['step'], text = '') {
    super(text)
    this.step = step
  }
}

interface Opened {
  readonly addon: Addon
  readonly library: PKCS11
  readonly session: Handle
  readonly key: Handle
  /** The PIN, if the key needs it for each signature (CKA_ALWAYS_AUTHENTICATE). */
  readonly pin: string | undefined
}

function loadAddon(): Addon {
  try {
    return createRequire(import.meta.url)('pkcs11js') as Addon
  } catch (error) {
    throw new Found('addon', textOf(error))
  }
}

function loadModule(addon: Addon, path: string): PKCS11 {
  const library = new addon.PKCS11()
  try {
    library.load(path)
  } catch (error) {
    throw new Found('module', textOf(error))
  }
  return library
}

/** Finds the slot of the token. Slot numbers change, so it is searched each time. */
function findSlot(library: PKCS11, wanted: TokenWanted): { readonly slot: Handle; readonly info: TokenInfo } {
  let failed: unknown
  const found = library.C_GetSlotList(true).flatMap((slot) => {
    try {
      const info = library.C_GetTokenInfo(slot)
      return isWanted(slot, info, wanted) ? [{ slot, info }] : []
    } catch (error) {
      failed = error
      return []
    }
  })
  if (found.length > 1) throw new Found('several-tokens')
  if (found[0] !== undefined) return found[0]
  throw failed ?? new Found('no-token')
}

function isWanted(slot: Handle, info: TokenInfo, wanted: TokenWanted): boolean {
  const says = (value: string, text: string | undefined): boolean =>
    text === undefined || value.replace(/[ \0]+$/, '') === text.replace(/ +$/, '')
  return (
    says(info.label, wanted.token) &&
    says(info.serialNumber, wanted.serial) &&
    says(info.manufacturerID, wanted.manufacturer) &&
    says(info.model, wanted.model) &&
    (wanted.slotId === undefined || slot.readUIntLE(0, Math.min(slot.length, 6)) === wanted.slotId)
  )
}

/** Logs in once if the token requires it. Returns the PIN. */
function logIn(addon: Addon, library: PKCS11, session: Handle, info: TokenInfo, hasPin: boolean): string | undefined {
  if ((info.flags & addon.CKF_LOGIN_REQUIRED) === 0) return undefined
  if (!hasPin) throw new Found('no-pin')
  if ((info.flags & addon.CKF_USER_PIN_LOCKED) !== 0) throw new Found('pin-locked')
  if ((info.flags & addon.CKF_USER_PIN_FINAL_TRY) !== 0) throw new Found('pin-final-try')
  const bytes = readFileSync(PIN_FD)
  const pin = bytes.toString('utf8')
  bytes.fill(0)
  library.C_Login(session, addon.CKU_USER, pin)
  return pin
}

function findKey(addon: Addon, library: PKCS11, session: Handle, { object, id }: OpenMessage): Handle {
  library.C_FindObjectsInit(session, [
    { type: addon.CKA_CLASS, value: addon.CKO_PRIVATE_KEY },
    ...(object === undefined ? [] : [{ type: addon.CKA_LABEL, value: object }]),
    ...(id === undefined ? [] : [{ type: addon.CKA_ID, value: Buffer.from(id, 'hex') }]),
  ])
  const [key, another] = library.C_FindObjects(session, 2)
  library.C_FindObjectsFinal(session)
  if (key === undefined) throw new Found('no-key')
  if (another !== undefined) throw new Found('several-keys')
  return key
}

/** Returns an attribute as a number; undefined if the token does not have it. */
function attribute(library: PKCS11, session: Handle, key: Handle, type: number): number | undefined {
  try {
    const value = library.C_GetAttributeValue(session, key, [{ type }])[0]?.value
    return Buffer.isBuffer(value) && value.length > 0 ? value.readUIntLE(0, Math.min(value.length, 6)) : undefined
  } catch {
    return undefined
  }
}

function open(message: OpenMessage): { readonly opened: Opened; readonly handle: FromToken } {
  const addon = loadAddon()
  const library = loadModule(addon, message.module)
  library.C_Initialize()
  const { slot, info } = findSlot(library, message.token)
  const session = library.C_OpenSession(slot, addon.CKF_SERIAL_SESSION)
  const pin = logIn(addon, library, session, info, message.hasPin)
  const key = findKey(addon, library, session, message)
  const type = attribute(library, session, key, addon.CKA_KEY_TYPE)
  const always = attribute(library, session, key, addon.CKA_ALWAYS_AUTHENTICATE) === 1
  const hasSha256Rsa = library.C_GetMechanismList(slot).includes(addon.CKM_SHA256_RSA_PKCS)
  const kind = type === addon.CKK_RSA ? 'rsa' : type === addon.CKK_EC ? 'ec' : 'other'
  return {
    opened: { addon, library, session, key, pin: always ? pin : undefined },
    handle: { type: 'opened', kind, hasSha256Rsa },
  }
}

function sign({ addon, library, session, key, pin }: Opened, { mechanism, data }: SignMessage): FromToken {
  const numbers: Readonly<Record<Mechanism, number>> = {
    'sha256-rsa-pkcs': addon.CKM_SHA256_RSA_PKCS,
    'rsa-pkcs': addon.CKM_RSA_PKCS,
    ecdsa: addon.CKM_ECDSA,
  }
  library.C_SignInit(session, { mechanism: numbers[mechanism] }, key)
  if (pin !== undefined) library.C_Login(session, addon.CKU_CONTEXT_SPECIFIC, pin)
  const signature = library.C_Sign(session, Buffer.from(data), Buffer.alloc(2048))
  return { type: 'signed', signature }
}

/** Closes everything at the token. Failures here are ignored. */
function close({ library, session }: Opened): void {
  for (const step of [
    () => library.C_Logout(session),
    () => library.C_CloseSession(session),
    () => library.C_Finalize(),
    () => library.close(),
  ])
    try {
      step()
    } catch {
      // a removed token has no session to close
    }
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
}

function failure(error: unknown): FailedMessage {
  if (error instanceof Found) return { type: 'failed', step: error.step, code: 0, text: error.message }
  const { code, method } = error as { readonly code?: unknown; readonly method?: unknown }
  const step = typeof method === 'string' && /^C_\w+$/.test(method) ? (method as `C_${string}`) : 'C_Initialize'
  return { type: 'failed', step, code: typeof code === 'number' ? code : 0, text: textOf(error) }
}

function serve(): void {
  new Worker(WATCH, { eval: true, argv: process.argv.slice(2) }).unref()
  let opened: Opened | undefined
  const handle = (message: ToToken): FromToken => {
    if (message.type === 'open') {
      const made = open(message)
      opened = made.opened
      return made.handle
    }
    if (opened === undefined) return { type: 'closed' }
    if (message.type === 'sign') return sign(opened, message)
    close(opened)
    opened = undefined
    return { type: 'closed' }
  }
  process.on('message', (message: ToToken) => {
    let reply: FromToken
    try {
      reply = handle(message)
    } catch (error) {
      reply = failure(error)
    }
    process.send?.(reply)
  })
  process.on('disconnect', () => {
    if (opened !== undefined) close(opened)
    process.exit(0)
  })
}

serve()
