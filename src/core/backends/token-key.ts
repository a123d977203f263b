/**
 * A private key on a token, opened for one piece of work: lock, login, signatures, logout.
 * Invariants: what is lent is the key of the certificate; the PIN is read for this work and overwritten after it.
 */
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto'
import { realpathSync, statSync } from 'node:fs'
import { quoted } from '../base/text.js'
import { type Pkcs11Uri, parsePkcs11Uri } from '../config/enrolment/pkcs11-uri.js'
import { encode, integer, seq } from '../der/writer.js'
import { BackendFault } from '../ha/backend.js'
import { type SignatureScheme, schemeOf } from '../pki/algorithms.js'
import type { PlainCertificate } from '../pki/certificate.js'
import { configFault, unreadable } from './files.js'
import { checkNotRefused, keepRefused, type PinSource, readPin } from './pin.js'
import { isPinRefusal, tokenFault } from './pkcs11-faults.js'
import type { OpenedMessage } from './pkcs11-messages.js'
import { TokenFailure, TokenProcess } from './pkcs11-process.js'
import type { BackendPorts } from './ports.js'
import { lockToken } from './token-lock.js'

/** Where a key lies, as the configuration says it. */
export interface TokenKey extends PinSource {
  /** Path of the PKCS #11 library. */
  readonly module: string | undefined
  /** RFC 7512. */
  readonly uri: string
  /** The file of the key's certificate, for messages. */
  readonly certFile: string
}

/** The key while the token is ours. */
export interface LentKey {
  readonly scheme: SignatureScheme
  readonly sign: (tbs: Uint8Array) => Promise<Uint8Array>
  readonly uri: Pkcs11Uri
  readonly module: string
  readonly pin: Buffer | undefined
  /** Logs out; the lock stays, so that another program may log in. */
  readonly leave: () => Promise<void>
}

interface Place {
  readonly uri: Pkcs11Uri
  readonly module: string
  readonly source: PinSource
  /** For messages. */
  readonly token: string
  readonly certFile: string
  /** One name for one token, whatever else the URI says. */
  readonly lock: string
}

/** PKCS #1 (RFC 8017 section 9.2): a DigestInfo of SHA-256 up to the hash. */
const DIGEST_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex')
/** What no certificate begins with: see signing.ts. */
const CHALLENGE = 'pki-ha-probe\0'

/** Opens the key of `certificate`, lends it and closes it. Throws a BackendFault. */
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
  // it starts while we wait for the lock
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

/** Throws a BackendFault (config-fault). */
function placeOf(key: TokenKey): Place {
  const parsed = parsePkcs11Uri(key.uri)
  if ('fault' in parsed) throw configFault('ca-token-uri', `the pkcs11: URI is not understood: ${parsed.fault}`)
  const { uri } = parsed
  if (uri.token === undefined)
    throw configFault('ca-token-uri', 'the pkcs11: URI has no token: a token is found by its label')
  const named = key.module ?? uri.modulePath
  if (named === undefined)
    throw configFault('ca-module-missing', 'no PKCS #11 library is named: put auth_module beside the pkcs11: URI')
  const module = moduleAt(named)
  const { pinFile = key.pinEnv === undefined ? uri.pinFile : undefined, pinEnv } = key
  const lock = createHash('sha256').update(`${module}\0${uri.token}`).digest('hex').slice(0, 32)
  const token = `token ${quoted(uri.token)}`
  return { uri, module, source: { pinFile, pinEnv }, token, certFile: key.certFile, lock: `token-${lock}` }
}

/** The library behind links: two names of it are one. */
function moduleAt(path: string): string {
  try {
    const real = realpathSync(path)
    if (!statSync(real).isFile()) throw configFault('ca-module-unusable', `${path}: this is no regular file`)
    return real
  } catch (cause) {
    throw cause instanceof BackendFault ? cause : unreadable(path, cause)
  }
}

function schemeFor({ spki }: PlainCertificate, { certFile }: Place): SignatureScheme {
  const { asymmetricKeyType: kind, asymmetricKeyDetails } = publicKeyOf(spki)
  const scheme = schemeOf(kind, asymmetricKeyDetails?.namedCurve)
  if (scheme !== undefined) return scheme
  throw configFault('ca-key-kind', `${certFile}: nothing is signed with a key of the kind ${kind}`)
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
  const said = await process.open(message, pin).catch((error: unknown) => {
    if (pin !== undefined && error instanceof TokenFailure && isPinRefusal(error.failed)) keepRefused(folder, lock, pin)
    throw error
  })
  if (said.type !== 'opened') throw new TypeError(`the token process said ${said.type}`)
  return async (tbs) => {
    const wanted = questionFor(said, scheme.hash, tbs)
    const answer = await process.ask({ type: 'sign', ...wanted })
    if (answer.type !== 'signed') throw new TypeError(`the token process said ${answer.type}`)
    return said.kind === 'ec' ? ecdsaDer(answer.signature) : answer.signature
  }
}

function questionFor({ kind, hasSha256Rsa }: OpenedMessage, hash: string, tbs: Uint8Array) {
  const digest = (): Buffer => createHash(hash).update(tbs).digest()
  // tokens sign hashes by ECDSA, few of them hash too
  if (kind === 'ec') return { mechanism: 'ecdsa', data: digest() } as const
  if (hasSha256Rsa) return { mechanism: 'sha256-rsa-pkcs', data: tbs } as const
  return { mechanism: 'rsa-pkcs', data: Buffer.concat([DIGEST_INFO, digest()]) } as const
}

/** r and s, each half of the bytes (PKCS #11), as an Ecdsa-Sig-Value (RFC 3279 section 2.2.3). */
function ecdsaDer(signature: Uint8Array): Uint8Array {
  const hex = Buffer.from(signature).toString('hex')
  const half = hex.length / 2
  return encode(seq(integer(BigInt(`0x0${hex.slice(0, half)}`)), integer(BigInt(`0x0${hex.slice(half)}`))))
}

/** The key is the certificate's: what it signs, the certificate verifies. Throws a BackendFault (config-fault). */
async function prove(
  sign: LentKey['sign'],
  scheme: SignatureScheme,
  { spki }: PlainCertificate,
  place: Place,
  { random }: BackendPorts,
): Promise<void> {
  const text = Buffer.concat([Buffer.from(CHALLENGE), random.bytes(16)])
  const signature = await sign(text)
  if (isGood(scheme, text, publicKeyOf(spki), signature)) return
  throw configFault(
    'ca-key-mismatch',
    `${place.token}: the key on it is not the private key of the certificate in ${place.certFile}`,
  )
}

function isGood(scheme: SignatureScheme, text: Uint8Array, key: KeyObject, signature: Uint8Array): boolean {
  try {
    return verify(scheme.hash, text, key, signature)
  } catch {
    return false
  }
}
