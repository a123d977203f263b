import { describe, expect, it } from 'vitest'
import { utf8 } from '../../../src/core/base/bytes.js'
import { keysInHand } from '../../../src/core/crypto/key-supply.js'
import { createPeculiarSigner } from '../../../src/core/crypto/peculiar-signer.js'
import { createSoftSigner } from '../../../src/core/crypto/soft-signer.js'
import { fixedKey, fixedPkcs8 } from '../../support/rpki/fixed-keys.js'
import { createMemoryKeyStore } from '../../support/store/memory-key-store.js'
import { signerContract } from './signer-contract.js'

signerContract('node:crypto', createSoftSigner)
signerContract('@peculiar/webcrypto', createPeculiarSigner)

describe('two signers', () => {
  it('make identical signatures with the same key', async () => {
    const keyStore = createMemoryKeyStore(new Map([[fixedKey(0).id, fixedPkcs8(0)]]))
    const init = () => ({ keyStore, source: keysInHand([], [fixedKey(1)]) })
    const [soft, peculiar] = [createSoftSigner(init()), createPeculiarSigner(init())]
    for (const tbs of [new Uint8Array(), utf8('a'), new Uint8Array(100_000).fill(7)])
      expect(await soft.sign(fixedKey(0).id, tbs)).toEqual(await peculiar.sign(fixedKey(0).id, tbs))
    const oneTime = (signer: typeof soft) => signer.signOneOff((key) => key.sign(utf8('once')))
    expect(await oneTime(soft)).toEqual(await oneTime(peculiar))
  })
})
