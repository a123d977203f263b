/** The last exchange with each peer: kept, replaced, and read whatever its file contains. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Instant } from '../../../src/core/base/time.js'
import {
  type EndedExchange,
  listExchanges,
  readExchange,
  recordExchange,
  removeExchange,
} from '../../../src/core/peers/last-exchange.js'
import { onFileOperation } from '../../../src/core/store/disk/io-error.js'

const at = (minute: number): Instant => `2026-12-02T01:${String(minute).padStart(2, '0')}:00Z` as Instant
const PARENT = { kind: 'parent', ca: 'acme', peer: 'ripe' } as const
const ended = (minute: number, more: Partial<EndedExchange> = {}): EndedExchange => ({
  ...PARENT,
  uri: 'https://parent.example/rfc6492',
  at: at(minute),
  outcome: 'success',
  ...more,
})

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'brine-exchanges-'))
  mkdirSync(join(dir, 'status'))
})
afterEach(() => {
  onFileOperation(undefined)
  rmSync(dir, { recursive: true, force: true })
})
const file = (): string => join(dir, 'status/exchanges', readdirSync(join(dir, 'status/exchanges'))[0]!)

describe('the last exchange with a peer', () => {
  it('is unknown before the first one', () => {
    expect(readExchange(dir, PARENT)).toBeUndefined()
    expect(listExchanges(dir)).toEqual([])
  })

  it('is replaced; since when it is so and when it last succeeded remain', () => {
    recordExchange(dir, ended(1, { agent: 'krill/0.16.1' }))
    expect(readExchange(dir, PARENT)).toEqual({
      ...ended(1, { agent: 'krill/0.16.1' }),
      since: at(1),
      lastSuccess: at(1),
    })
    recordExchange(dir, ended(2))
    expect(readExchange(dir, PARENT)).toEqual({ ...ended(2), since: at(1), lastSuccess: at(2) })
    const failed = { outcome: 'failure', code: 'peer-timeout', message: 'did not answer' } as const
    recordExchange(dir, ended(3, failed))
    expect(recordExchange(dir, ended(4, failed))).toEqual({ ...ended(4, failed), since: at(3), lastSuccess: at(2) })
    expect(readExchange(dir, PARENT)).toEqual({ ...ended(4, failed), since: at(3), lastSuccess: at(2) })
    recordExchange(dir, ended(5))
    expect(readExchange(dir, PARENT)).toEqual({ ...ended(5), since: at(5), lastSuccess: at(5) })
  })

  it('begins anew after a clock that was ahead', () => {
    recordExchange(dir, ended(9))
    expect(recordExchange(dir, ended(1)).since).toBe(at(1))
  })

  it('is kept for each peer, in an order that does not change', () => {
    const names = [
      { kind: 'publisher', ca: null, peer: 'acme' },
      { kind: 'child', ca: 'acme', peer: 'ripe' },
      { kind: 'parent', ca: 'beta', peer: 'ripe' },
      PARENT,
      { kind: 'parent', ca: 'acme', peer: 'a/b' },
      { kind: 'repository', ca: 'x'.repeat(255), peer: 'y'.repeat(255) },
    ] as const
    for (const name of names) recordExchange(dir, ended(1, name))
    expect(listExchanges(dir).map(({ kind, ca, peer }) => `${kind} ${ca?.slice(0, 4)} ${peer.slice(0, 4)}`)).toEqual([
      'parent acme a/b',
      'parent acme ripe',
      'parent beta ripe',
      'child acme ripe',
      'repository xxxx yyyy',
      'publisher undefined acme',
    ])
    removeExchange(dir, PARENT)
    expect(readExchange(dir, PARENT)).toBeUndefined()
    expect(listExchanges(dir).length).toBe(names.length - 1)
    removeExchange(dir, PARENT)
  })

  it('is shortened', () => {
    recordExchange(dir, ended(1, { message: 'm'.repeat(100_000), agent: 'a'.repeat(10_000), code: 'c'.repeat(1000) }))
    expect(readFileSync(file()).length).toBeLessThan(2000)
    expect(readExchange(dir, PARENT)?.agent).toBe('a'.repeat(200))
  })

  it.each([
    ['empty', ''],
    ['not JSON', '{'],
    ['of another type', '{"value":[]}\n'],
    ['without a time', '{"value":{"ca":"acme","kind":"parent","outcome":"success","peer":"ripe","uri":null}}\n'],
  ])('that is %s is unknown, and is written again', (_, text) => {
    recordExchange(dir, ended(1))
    writeFileSync(file(), text)
    expect(readExchange(dir, PARENT)).toBeUndefined()
    expect(listExchanges(dir)).toEqual([])
    recordExchange(dir, ended(2))
    expect(readExchange(dir, PARENT)?.since).toBe(at(2))
  })

  it('is read from a file of a newer program, and with less in it', () => {
    recordExchange(dir, ended(1))
    const value = { ...PARENT, at: at(1), outcome: 'success', later: { x: 1 }, message: 7, since: 'yesterday' }
    writeFileSync(file(), `${JSON.stringify({ value })}\n`)
    expect(readExchange(dir, PARENT)).toEqual({
      ...{ ...PARENT, uri: null, at: at(1), outcome: 'success' },
      ...{ since: at(1), lastSuccess: null },
    })
  })

  it('that is a copy of that with another peer is unknown', () => {
    recordExchange(dir, ended(1))
    writeFileSync(join(dir, 'status/exchanges/parent-0.json'), readFileSync(file()))
    expect(listExchanges(dir).length).toBe(1)
  })

  it('that cannot be written is a warning', () => {
    const warned: string[] = []
    onFileOperation((operation) => {
      if (operation === 'rename') throw Object.assign(new Error('x'), { code: 'ENOSPC' })
    })
    expect(recordExchange(dir, ended(1), (text) => warned.push(text)).since).toBe(at(1))
    expect(warned).toEqual([expect.stringContaining('cannot write the last exchange with ripe')])
  })
})
