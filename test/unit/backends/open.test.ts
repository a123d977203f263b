/** Which kinds of CA there are. */
import { describe, expect, it } from 'vitest'
import { opened } from './contract.js'

describe('a CA of a kind that this version cannot talk to', () => {
  it('is told as such, before anything is read', async () => {
    const config = {
      id: 'hsm',
      backend: 'pkcs11',
      caCert: '/nowhere',
      chain: undefined,
      module: '/nowhere',
      uri: 'pkcs11:token=t',
      pinFile: undefined,
      pinEnv: undefined,
    } as const
    await expect(opened(config)).rejects.toMatchObject({
      kind: 'usage',
      code: 'ca-backend-missing',
      message: expect.stringContaining('pkcs11'),
    })
  })
})
