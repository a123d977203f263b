/** The engine of pkijs is state of the process, which other tests set too: hence a process of its own. */
import { describe, expect, it } from 'vitest'
import { pkijsEngine, webcrypto } from '../../../src/core/crypto/webcrypto.js'

describe('webcrypto', () => {
  it('is one instance, and the engine of pkijs', async () => {
    expect(await webcrypto()).toBe(await webcrypto())
    const engine = await pkijsEngine()
    expect((await import('pkijs')).getCrypto()).toBe(engine)
    expect(await pkijsEngine()).toBe(engine)
    expect(engine.crypto).toBe(await webcrypto())
  })
})
