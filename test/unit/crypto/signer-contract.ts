/** What every signer promises, whatever makes its signatures. */
import { createPublicKey, verify } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { utf8 } from '../../../src/core/base/bytes.js'
import type { SignerInit } from '../../../src/core/crypto/key-signer.js'
import { keysInHand } from '../../../src/core/crypto/key-supply.js'
import type { KeyId, PublicKey, Signer } from '../../../src/core/crypto/ports.js'
import { fixedKey, fixedPkcs8 } from '../../support/rpki/fixed-keys.js'
import { createMemoryKeyStore, type MemoryKeyStore } from '../../support/store/memory-key-store.js'

const TBS = utf8('to be signed')

interface Setup {
  readonly signer: Signer
  readonly keyStore: MemoryKeyStore
}

export function verifies(key: PublicKey, tbs: Uint8Array, signature: Uint8Array): boolean {
  const publicKey = createPublicKey({ key: Buffer.from(key.spki), format: 'der', type: 'spki' })
  return verify('sha256', tbs, publicKey, signature)
}

export function signerContract(name: string, create: (init: SignerInit) => Signer): void {
  /** Lasting keys 0 and 1 and one-time keys 2 and 3 are prepared. */
  function setup(): Setup {
    const keyStore = createMemoryKeyStore()
    const source = keysInHand([fixedKey(0), fixedKey(1)], [fixedKey(2), fixedKey(3)])
    return { signer: create({ keyStore, source }), keyStore }
  }
  describe(`${name}: lasting keys`, () => lastingKeys(setup))
  describe(`${name}: stored keys`, () => storedKeys(setup))
  describe(`${name}: one-time keys`, () => oneTimeKeys(setup))
  describe(`${name}: nothing prepared`, () => {
    it('makes lasting and one-time keys itself', async () => {
      const keyStore = createMemoryKeyStore()
      const signer = create({ keyStore, source: keysInHand() })
      const key = await signer.createKey()
      expect(keyStore.list()).toEqual([key.id])
      expect(verifies(key, TBS, await signer.sign(key.id, TBS))).toBe(true)
      const [oneTime, signature] = await signer.signOneOff(async (k) => [k, await k.sign(TBS)] as const)
      expect(oneTime.id).not.toBe(key.id)
      expect(verifies(oneTime, TBS, signature)).toBe(true)
      expect(keyStore.list()).toEqual([key.id])
    })
  })
}

function lastingKeys(setup: () => Setup): void {
  it('stores the key before its identifier is known', async () => {
    const { signer, keyStore } = setup()
    const key = await signer.createKey()
    expect(key).toEqual({ id: fixedKey(0).id, spki: fixedKey(0).spki })
    expect(keyStore.get(key.id)).toEqual(fixedPkcs8(0))
  })
  it('fails where the store fails, with no identifier handed out', async () => {
    const { signer, keyStore } = setup()
    keyStore.onStep = () => {
      throw new Error('ENOSPC')
    }
    await expect(signer.createKey()).rejects.toThrow('ENOSPC')
    expect(keyStore.list()).toEqual([])
  })
  it('never makes the same key twice', async () => {
    const { signer } = setup()
    expect((await signer.createKey()).id).not.toBe((await signer.createKey()).id)
  })
  it('signs with PKCS#1 v1.5 and SHA-256', async () => {
    const { signer } = setup()
    const { id } = await signer.createKey()
    const signature = await signer.sign(id, TBS)
    expect(signature).toHaveLength(256)
    expect(verifies(await signer.publicKey(id), TBS, signature)).toBe(true)
  })
  it('destroys a key for good, and an unknown one without complaint', async () => {
    const { signer, keyStore } = setup()
    const { id } = await signer.createKey()
    await signer.sign(id, TBS)
    await signer.destroyKey(id)
    await signer.destroyKey(id)
    expect(keyStore.list()).toEqual([])
    await expect(signer.sign(id, TBS)).rejects.toMatchObject({ code: 'key-missing' })
  })
}

function storedKeys(setup: () => Setup): void {
  it('signs and answers for a key that an earlier process made', async () => {
    const { signer, keyStore } = setup()
    keyStore.put(fixedKey(4).id, fixedPkcs8(4))
    expect(await signer.publicKey(fixedKey(4).id)).toEqual({ id: fixedKey(4).id, spki: fixedKey(4).spki })
    expect(verifies(fixedKey(4), TBS, await signer.sign(fixedKey(4).id, TBS))).toBe(true)
  })
  it.each([
    ['no such key', 'key-missing', () => undefined],
    ['a file that others can read', 'key-exposed', (store: MemoryKeyStore) => plant(store, fixedPkcs8(4), true)],
    ['a file that is no key', 'key-corrupt', (store: MemoryKeyStore) => plant(store, utf8('not a key'))],
    ['a cut file', 'key-corrupt', (store: MemoryKeyStore) => plant(store, fixedPkcs8(4).subarray(0, 900))],
    ['the file of another key', 'key-corrupt', (store: MemoryKeyStore) => plant(store, fixedPkcs8(5))],
  ])('refuses %s, naming the file', async (_, code, arrange) => {
    const { signer, keyStore } = setup()
    const { id } = fixedKey(4)
    arrange(keyStore)
    for (const attempt of [signer.sign(id, TBS), signer.publicKey(id)])
      await expect(attempt).rejects.toMatchObject({ code, message: expect.stringContaining(`keys/${id}`) })
  })
  it('reads a key again after the operator mended it', async () => {
    const { signer, keyStore } = setup()
    const id: KeyId = fixedKey(4).id
    await expect(signer.sign(id, TBS)).rejects.toMatchObject({ code: 'key-missing' })
    plant(keyStore, fixedPkcs8(4))
    expect(verifies(fixedKey(4), TBS, await signer.sign(id, TBS))).toBe(true)
  })
}

function oneTimeKeys(setup: () => Setup): void {
  it('hands each prepared key to one builder, signs, and stores nothing', async () => {
    const { signer, keyStore } = setup()
    const build = (tbs: Uint8Array) => signer.signOneOff(async (key) => ({ key, signature: await key.sign(tbs) }))
    const [first, second] = await Promise.all([build(TBS), build(utf8('another'))])
    expect([first.key.id, second.key.id]).toEqual([fixedKey(2).id, fixedKey(3).id])
    expect(first.key.spki).toEqual(fixedKey(2).spki)
    expect(verifies(first.key, TBS, first.signature)).toBe(true)
    expect(verifies(second.key, utf8('another'), second.signature)).toBe(true)
    expect(keyStore.list()).toEqual([])
  })
  it('refuses a second signature, also one asked for at the same moment', async () => {
    const { signer } = setup()
    const results = await signer.signOneOff((key) => Promise.allSettled([key.sign(TBS), key.sign(TBS)]))
    expect(results.map((r) => r.status)).toEqual(['fulfilled', 'rejected'])
    expect(results[1]).toMatchObject({ reason: expect.any(TypeError) })
  })
  it('is gone when the builder is done, signed or not', async () => {
    const { signer } = setup()
    const unused = await signer.signOneOff(async (key) => key)
    await expect(unused.sign(TBS)).rejects.toThrow(TypeError)
    await expect(signer.sign(unused.id, TBS)).rejects.toMatchObject({ code: 'key-missing' })
  })
  it('is gone when the builder fails, and its error comes through', async () => {
    const { signer } = setup()
    let leaked: ((tbs: Uint8Array) => Promise<Uint8Array>) | undefined
    const failing = signer.signOneOff(async (key) => {
      leaked = key.sign
      throw new RangeError('no such ROA')
    })
    await expect(failing).rejects.toThrow('no such ROA')
    await expect(leaked?.(TBS)).rejects.toThrow(TypeError)
  })
  it('waits for a signature that the builder did not wait for', async () => {
    const { signer } = setup()
    let signed = false
    await signer.signOneOff(async (key) => {
      key.sign(TBS).then(
        () => {
          signed = true
        },
        () => undefined,
      )
    })
    expect(signed).toBe(true)
  })
}

function plant(store: MemoryKeyStore, bytes: Uint8Array, exposed = false): void {
  store.put(fixedKey(4).id, bytes)
  if (exposed) store.exposed.add(fixedKey(4).id)
}
