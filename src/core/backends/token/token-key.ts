/**
 * A private key on a token, opened for one unit of work: lock, login, signatures, logout.
 * Invariants: the key matches the certificate; the PIN is read for this work and overwritten after it.
 */
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto'
import { realpathSync, statSync } from 'node:fs'
import { quoted } from '../../base/text.js'
import { type Pkcs11Uri, parsePkcs11Uri } from '../../config/enrolment/pkcs11-uri.js'
import { encode, integer, seq } from '../../der/writer.js'
import { BackendFault } from '../../ha/backend.js'
import { type SignatureScheme, schemeOf } from '../../pki/algorithms.js'
import type { PlainCertificate } from '../../pki/certificate.js'
import { configFault, unreadable } from '../files.js'
import type { BackendPorts } from '../ports.js'
import { checkNotRefused, keepRefused, type PinSource, readPin } from './pin.js'
import { isPinRefusal, tokenFault } from './pkcs11-faults.js'
import type { OpenedMessage } from './pkcs11-messages.js'
import { TokenFailure, TokenProcess } from './pkcs11-process.js'
import { lockToken } from './token-lock.js'

/** Place of a key in the configuration. */
export interface TokenKey extends PinSource {
  /** Path of the PKCS #11 library. */
  readonly module: string | undefined
  /** RFC 7512. */
  readonly uri: string
  /** File of the certificate of the key, for messages. */
  readonly certFile: string
}

/** The key while this process holds the lock of the token. */
export interface LentKey {
  readonly scheme: SignatureScheme
  readonly sign: (tbs: Uint8Array) => Promise<Uint8Array>
  readonly uri: Pkcs11Uri
  readonly module: string
  readonly pin: Buffer | undefined
  /** Logs out but keeps the lock, so that another program can log in. */
  readonly leave: () => Promise<void>
}

interface Place {
  readonly uri: Pkcs11Uri
  readonly module: string
  readonly source: PinSource
  /** Name of the token in messages. */
  readonly token: string
  readonly certFile: string
  /** Unique name of the token, independent of the other parts of the URI. */
  readonly lock: string
}

/** Prefix of the DigestInfo of SHA-256, before the hash (RFC 8017 section 9.2). */
const DIGEST_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex')
/** Data for a test signature, which no certificate begins with: see signing.ts. */
const CHALLENGE = 'pki-ha-probe\0'

/** Opens the key of `certificate`, runs the work with it and closes it. Throws a BackendFault. */
export async function withTokenKey<T>(
  key: TokenKey,
  certificate: PlainCertificate,
  ports: BackendPorts,
  signal: AbortSignal,
  use: (key: LentKey) => Promise<T>,
): Promise<T> {
  const place = placeOf(key)
  const scheme = schemeFor(certificate, place)
  const pin = await readPin(place.source)
  // the process starts while this one waits for the lock
  const process = new TokenProcess(ports.tokenProgram, place.token, place.source.pinEnv, signal)
  let unlock: (() => void) | undefined
  try {
    unlock = await lockToken(ports.lockFolder, place.lock, signal)
    const sign = await open(process, place, pin, scheme, ports.lockFolder)
    await prove(sign, scheme, certificate, place, ports)
    const { uri, module } = place
    return await use({ scheme, sign, uri, module, pin, leave: () => process.close() })
  } catch (error) {
    throw error instanceof TokenFailure ? tokenFault(error.failed, place) : error
  } finally {
    await process.close()
    unlock?.()
    pin?.fill(0)
  }
}

/** Resolves the place of a key. Throws a BackendFault (`config-fault`). */
function placeOf(key: TokenKey): Place {
  const parsed = parsePkcs11Uri(key.uri)
  if ('fault' in parsed) throw configFault('ca-token-uri', `invalid pkcs11: URI: ${parsed.fault}`)
  const { uri } = parsed
  if (uri.token === undefined) throw configFault('ca-token-uri', 'the pkcs11: URI has no token, which is required')
  const named = key.module ?? uri.modulePath
  if (named === undefined)
    throw configFault('ca-module-missing', 'no PKCS #11 library is configured: set auth_module with the pkcs11: URI')
  const module = moduleAt(named)
  const { pinFile = key.pinEnv === undefined ? uri.pinFile : undefined, pinEnv } = key
  const lock = createHash('sha256').update(`${module}\0${uri.token}`).digest('hex').slice(0, 32)
  const token = `token ${quoted(uri.token)}`
  return { uri, module, source: { pinFile, pinEnv }, token, certFile: key.certFile, lock: `token-${lock}` }
}

/** Resolves links of the library path, so that two names of it are equal. */
function moduleAt(path: string): string {
  try {
    const real = realpathSync(path)
    if (!statSync(real).isFile()) throw configFault('ca-module-unusable', `${path}: not a regular file`)
    return real
  } catch (cause) {
    throw cause instanceof BackendFault ? cause : unreadable(path, cause)
  }
}

function schemeFor({ spki }: PlainCertificate, { certFile }: Place): SignatureScheme {
  const { asymmetricKeyType: kind, asymmetricKeyDetails } = publicKeyOf(spki)
  const scheme = schemeOf(kind, asymmetricKeyDetails?.namedCurve)
  if (scheme !== undefined) return scheme
  throw configFault('ca-key-kind', `${certFile}: unsupported type of key: ${kind}`)
}

function publicKeyOf(spki: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
}

async function open(
  process: TokenProcess,
  place: Place,
  pin: Buffer | undefined,
  scheme: SignatureScheme,
  folder: string,
): Promise<LentKey['sign']> {
  const { uri, module, token, lock } = place
  if (pin !== undefined) checkNotRefused(folder, lock, pin, token)
  const { object, id } = uri
  const message = { type: 'open', module, token: uri, object, id, hasPin: pin !== undefined } as const
  const reply = await process.open(message, pin).catch((error: unknown) => {
    if (pin !== undefined && error instanceof TokenFailure && isPinRefusal(error.failed)) keepRefused(folder, lock, pin)
    throw error
  })
  if (reply.type !== 'opened') throw new TypeError(`the token process said ${reply.type}`)
  return async (tbs) => {
    const request = signRequestOf(reply, scheme.hash, tbs)
    const signed = await process.ask({ type: 'sign', ...request })
    if (signed.type !== 'signed') throw new TypeError(`the token process said ${signed.type}`)
    return reply.kind === 'ec' ? ecdsaDer(signed.signature) : signed.signature
  }
}

function signRequestOf({ kind, hasSha256Rsa }: OpenedMessage, hash: string, tbs: Uint8Array) {
  const digest = (): Buffer => createHash(hash).update(tbs).digest()
  // with ECDSA tokens sign hashes; few of them can hash
  if (kind === 'ec') return { mechanism: 'ecdsa', data: digest() } as const
  if (hasSha256Rsa) return { mechanism: 'sha256-rsa-pkcs', data: tbs } as const
  return { mechanism: 'rsa-pkcs', data: Buffer.concat([DIGEST_INFO, digest()]) } as const
}

/** Encodes r and s, each half of the bytes (PKCS #11), as an Ecdsa-Sig-Value (RFC 3279 section 2.2.3). */
function ecdsaDer(signature: Uint8Array): Uint8Array {
  const hex = Buffer.from(signature).toString('hex')
  const half = hex.length / 2
  return encode(seq(integer(BigInt(`0x0${hex.slice(0, half)}`)), integer(BigInt(`0x0${hex.slice(half)}`))))
}

/** Checks with a test signature that the key matches the certificate. Throws a BackendFault (`config-fault`). */
async function prove(
  sign: LentKey['sign'],
  scheme: SignatureScheme,
  { spki }: PlainCertificate,
  place: Place,
  { random }: BackendPorts,
): Promise<void> {
  const text = Buffer.concat([Buffer.from(CHALLENGE), random.bytes(16)])
  const signature = await sign(text)
  if (isValid(scheme, text, publicKeyOf(spki), signature)) return
  throw configFault(
    'ca-key-mismatch',
    `${place.token}: the key is not the private key of the certificate in ${place.certFile}`,
  )
}

function isValid(scheme: SignatureScheme, text: Uint8Array, key: KeyObject, signature: Uint8Array): boolean {
  try {
    return verify(scheme.hash, text, key, signature)
  } catch {
    return false
  }
}
