/** The key that signs checkpoints: a verifier key is printed only for a key that survives a power loss. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { onFileOperation } from '../../../../src/core/store/disk/io-error.js'
import { type Scratch, scratch } from '../../../support/store/store.js'

let shop: Scratch
beforeEach(() => {
  shop = scratch()
})
afterEach(() => {
  onFileOperation(undefined)
  shop.remove()
})

const failSync = (): void =>
  onFileOperation((operation, path) => {
    if (operation === 'syncDir' && path.endsWith('keys')) throw Object.assign(new Error('bad'), { code: 'EIO' })
  })

describe('a key whose folder could not be synced', () => {
  it('is created, but may not be durable', () => {
    const { auditKey } = shop.open()
    failSync()
    expect(() => auditKey.make()).toThrow(
      expect.objectContaining({ kind: 'uncertain', code: 'audit-key-uncertain', changed: 'unknown' }),
    )
    expect(auditKey.publicKey()).toHaveLength(32)
  })

  it('is made durable by the next command that uses it', () => {
    const { auditKey } = shop.open()
    failSync()
    expect(() => auditKey.make()).toThrow()
    expect(() => auditKey.make()).toThrow(expect.objectContaining({ kind: 'io', changed: 'no' }))
    expect(() => auditKey.makeDurable()).toThrow(expect.objectContaining({ kind: 'io' }))
    const done: string[] = []
    onFileOperation((operation, path) => void done.push(`${operation} ${path.slice(shop.dir.length)}`))
    expect(auditKey.make()).toBe(false)
    expect(done).toContain('syncDir /keys')
  })

  it('that was not created changed nothing', () => {
    const { auditKey } = shop.open()
    onFileOperation((operation, path) => {
      if (operation === 'link' && path.endsWith('audit')) throw Object.assign(new Error('full'), { code: 'ENOSPC' })
    })
    expect(() => auditKey.make()).toThrow(expect.objectContaining({ kind: 'io', changed: 'no' }))
    expect(auditKey.publicKey()).toBeUndefined()
  })
})
