/** Keys and signatures as ports: rules request signatures and never have access to a private key. */
import type { Brand } from '../base/brand.js'

/** Upper-case hex of the subject key identifier (RFC 6487 section 4.8.2): SHA-1 of the subjectPublicKey bits. */
export type KeyId = Brand<string, 'KeyId'>

/** Lower-case hex SHA-256 of bytes; the name of an object. */
export type Sha256 = Brand<string, 'Sha256'>

export interface PublicKey {
  readonly id: KeyId
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array
}

/** Returns an RSA PKCS#1 v1.5 SHA-256 signature over exactly these bytes. */
export type Sign = (tbs: Uint8Array) => Promise<Uint8Array>

/** A key that signs one object and is then destroyed. */
export interface OneTimeKey extends PublicKey {
  readonly sign: Sign
}

export interface Signer {
  /** Generates an RSA-2048 key that is durable before the promise resolves. */
  createKey(): Promise<PublicKey>
  /** Throws `key-missing` (corrupt) or `key-exposed` (credentials). */
  publicKey(id: KeyId): Promise<PublicKey>
  sign(id: KeyId, tbs: Uint8Array): Promise<Uint8Array>
  /** Calls `build` with a new key; the private half is destroyed before the promise resolves. */
  signOneOff<T>(build: (key: OneTimeKey) => Promise<T>): Promise<T>
  /** Destroys a retired key; ignores an unknown one. */
  destroyKey(id: KeyId): Promise<void>
}

/** The number of keys that a command will use, counted by a dry run without the lock. */
export interface KeyDemand {
  readonly lasting: number
  readonly oneTime: number
}

/** Store of private keys as PKCS#8 DER. The adapter sets modes, syncs, and refuses files that other users can read. */
export interface KeyStore {
  /** Writes and syncs `keys/<SKI>`; returns after it is durable. */
  put(id: KeyId, pkcs8: Uint8Array): void
  /** Throws `key-missing` or `key-exposed`. */
  get(id: KeyId): Uint8Array
  remove(id: KeyId): void
  list(): readonly KeyId[]
  /** Takes up to `count` pool keys: each is unlinked and the folder synced before this returns, so that no crash hands one out twice. */
  takePool(count: number): readonly Uint8Array[]
  putPool(id: KeyId, pkcs8: Uint8Array): void
  poolSize(): number
  wipePool(): void
}
