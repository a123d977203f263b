import { createPublicKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { utf8 } from '../../../src/core/base/bytes.js'
import { createCountingSigner } from '../../../src/core/crypto/counting-signer.js'
import { keyIdOf } from '../../../src/core/crypto/digest.js'
import { readPublicKey } from '../../../src/core/crypto/key-signer.js'
import type { PublicKey } from '../../../src/core/crypto/ports.js'
import { fixedKey, fixedPkcs8 } from '../../support/rpki/fixed-keys.js'
import { createMemoryKeyStore } from '../../support/store/memory-key-store.js'

const keyStore = createMemoryKeyStore(new Map([[fixedKey(0).id, fixedPkcs8(0)]]))
const rehearsal = () => createCountingSigner((id) => readPublicKey(keyStore, id))

describe('createRehearsalSigner', () => {
  it('counts what a command asks for and stores nothing', async () => {
    const signer = rehearsal()
    expect(signer.demand()).toEqual({ lasting: 0, oneTime: 0 })
    const { id } = await signer.createKey()
    for (let i = 0; i < 500; i++) await signer.signOneOff((key) => key.sign(utf8('roa')))
    await signer.sign(id, utf8('crl'))
    await signer.destroyKey(fixedKey(0).id)
    expect(signer.demand()).toEqual({ lasting: 1, oneTime: 500 })
    expect([keyStore.list(), keyStore.poolSize()]).toEqual([[fixedKey(0).id], 0])
  })
  it('says at each key how many there are by then, before it is used', async () => {
    const heard: unknown[] = []
    const signer = createCountingSigner(
      (id) => readPublicKey(keyStore, id),
      (demand) => void heard.push(demand),
    )
    await signer.createKey()
    await signer.signOneOff(async () => expect(heard).toHaveLength(2))
    expect(heard).toEqual([
      { lasting: 1, oneTime: 0 },
      { lasting: 1, oneTime: 1 },
    ])
  })
  it('gives distinct, well-formed RSA-2048 public keys, the same in every rehearsal', async () => {
    const all = async (): Promise<PublicKey[]> => {
      const signer = rehearsal()
      const keys = [await signer.createKey(), await signer.createKey()]
      for (let i = 0; i < 20; i++) keys.push(await signer.signOneOff(async ({ id, spki }) => ({ id, spki })))
      return keys
    }
    const keys = await all()
    expect(new Set(keys.map((key) => key.id)).size).toBe(22)
    for (const { id, spki } of keys) {
      const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
      expect(key.asymmetricKeyDetails).toEqual({ modulusLength: 2048, publicExponent: 65537n })
      expect(new Uint8Array(key.export({ format: 'der', type: 'spki' }))).toEqual(spki)
      expect(keyIdOf(spki)).toBe(id)
    }
    expect(await all()).toEqual(keys)
  })
  it('knows the keys of the store and of the rehearsal, and signs with neither', async () => {
    const signer = rehearsal()
    const made = await signer.createKey()
    expect(await signer.publicKey(made.id)).toEqual(made)
    expect((await signer.publicKey(fixedKey(0).id)).spki).toEqual(fixedKey(0).spki)
    await expect(signer.publicKey(fixedKey(1).id)).rejects.toMatchObject({ code: 'key-missing' })
    expect(await signer.sign(fixedKey(0).id, utf8('x'))).toEqual(new Uint8Array(256))
  })
})
