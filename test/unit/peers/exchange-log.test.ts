/** The log of exchanged messages: files in order of time, within a bound, and never a reason to fail. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Instant } from '../../../src/core/base/time.js'
import { type LoggedMessage, openExchangeLog } from '../../../src/core/peers/exchange-log.js'

const MB = 1_000_000
let dir: string
let log: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'brine-log-'))
  log = join(dir, 'var/exchanges')
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const message = (bytes: Uint8Array | string, more: Partial<LoggedMessage> = {}): LoggedMessage => ({
  ...{ kind: 'parent', ca: 'acme', peer: 'ripe', direction: 'sent' },
  at: '2026-12-02T01:02:03Z' as Instant,
  bytes: typeof bytes === 'string' ? Buffer.from(bytes) : bytes,
  ...more,
})

describe('the log of messages', () => {
  it('writes nothing without a folder', () => {
    expect(openExchangeLog({ dir: undefined, maxMb: 1 }).write(message('x'))).toBeUndefined()
  })

  it('is a file for each message, in order of time, which only its owner reads', () => {
    const open = openExchangeLog({ dir: log, maxMb: 1 })
    const paths = [
      open.write(message('query')),
      open.write(message('<error/>', { direction: 'received', form: 'txt' })),
      open.write(message('reply', { direction: 'received', kind: 'publisher', ca: null, peer: 'A/b' })),
      open.write(message('later', { at: '2026-12-02T01:02:04Z' as Instant })),
    ].map((path) => basename(path!))
    expect(readdirSync(log).sort()).toEqual(paths)
    expect(paths.map((name) => name.replace(/-[0-9a-f]{16}-/, ' '))).toEqual([
      '20261202T010203Z parent-acme-ripe-sent-5.cms',
      '20261202T010203Z parent-acme-ripe-received-8.txt',
      '20261202T010203Z publisher-pubserver-_a_-b-received-5.cms',
      '20261202T010204Z parent-acme-ripe-sent-5.cms',
    ])
    expect(readFileSync(join(log, paths[0]!), 'utf8')).toBe('query')
    expect([statSync(log).mode & 0o777, statSync(join(log, paths[0]!)).mode & 0o777]).toEqual([0o700, 0o600])
  })

  it('removes the oldest messages above its size, and nothing else in the folder', () => {
    const open = openExchangeLog({ dir: log, maxMb: 1 })
    const second = (n: number): Instant => `2026-12-02T01:02:0${n}Z` as Instant
    for (const n of [0, 1, 2]) open.write(message(Buffer.alloc(0.3 * MB), { at: second(n) }))
    writeFileSync(join(log, 'notes.cms'), Buffer.alloc(2 * MB))
    expect(readdirSync(log).length).toBe(4)
    open.write(message(Buffer.alloc(0.3 * MB), { at: second(3) }))
    expect(
      readdirSync(log)
        .sort()
        .map((name) => name.slice(0, 16)),
    ).toEqual(['20261202T010201Z', '20261202T010202Z', '20261202T010203Z', 'notes.cms'])
    open.write(message(Buffer.alloc(MB), { at: second(4) }))
    expect(
      readdirSync(log)
        .sort()
        .map((name) => name.slice(0, 16)),
    ).toEqual(['20261202T010204Z', 'notes.cms'])
  })

  it('leaves out a message that is larger than all of it, with a warning', () => {
    const warned: string[] = []
    const open = openExchangeLog({ dir: log, maxMb: 1, warn: (text) => warned.push(text) })
    open.write(message('kept'))
    expect(open.write(message(Buffer.alloc(MB + 1)))).toBeUndefined()
    expect(warned).toEqual([expect.stringContaining('larger than exchange_log_max_mb')])
    expect(readdirSync(log).length).toBe(1)
  })

  it('that cannot be written warns and does not fail', () => {
    const warned: string[] = []
    writeFileSync(join(dir, 'file'), '')
    const open = openExchangeLog({ dir: join(dir, 'file'), maxMb: 1, warn: (text) => warned.push(text) })
    expect(open.write(message('x'))).toBeUndefined()
    expect(warned).toEqual([expect.stringContaining('a message is not logged')])
  })

  it('has a name for every peer, however long', () => {
    const open = openExchangeLog({ dir: log, maxMb: 1 })
    for (const peer of ['x'.repeat(255), 'X/'.repeat(120).slice(0, -1), '../../etc/passwd', ''])
      expect(basename(open.write(message('x', { peer, ca: 'y'.repeat(255) }))!).length).toBeLessThan(240)
    expect(readdirSync(log).length).toBe(4)
  })
})
