/** A message to a peer from its signing time to its record: what is sent, logged and kept for every outcome. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import type { Instant } from '../../../src/core/base/time.js'
import { openExchangeLog } from '../../../src/core/peers/exchange-log.js'
import { readExchange } from '../../../src/core/peers/last-exchange.js'
import { type OutgoingMessage, sendMessage } from '../../../src/core/peers/message.js'
import { RawPeer, respond } from '../../support/peers/raw-peer.js'

const T1 = '2026-12-02T01:00:00Z' as Instant
const T2 = '2026-12-02T02:00:00Z' as Instant
const TO = { kind: 'parent', ca: 'acme', peer: 'ripe' } as const
const peer = new RawPeer()
let uri: string
let dir: string

beforeAll(async () => {
  uri = `${await peer.listen()}/up`
})
afterAll(() => peer.close())
beforeEach(() => {
  peer.behave = respond('200 OK', 'reply', ['Server: krill'])
  dir = mkdtempSync(join(tmpdir(), 'brine-message-'))
  mkdirSync(join(dir, 'status'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const message = (more: Partial<OutgoingMessage<string>> = {}): OutgoingMessage<string> => ({
  ...{ dataDir: dir, to: TO, uri, contentType: 'application/rpki-updown', userAgent: 'brine/1', allowPrivate: true },
  seal: async (at) => Buffer.from(`signed ${at}`),
  open: async (cms) => Buffer.from(cms).toString(),
  now: () => T1,
  log: openExchangeLog({ dir: join(dir, 'log'), maxMb: 1 }),
  ...more,
})
const logged = (): readonly string[] =>
  readdirSync(join(dir, 'log'))
    .sort()
    .map((name) => `${name.replace(/^.*(sent|received)-\d+/, '$1')}: ${readFileSync(join(dir, 'log', name), 'utf8')}`)

it('is signed with a time that does not go back, sent, logged, and recorded', async () => {
  expect(await sendMessage(message({ now: () => T2 }))).toBe('reply')
  expect(await sendMessage(message())).toBe('reply')
  expect(peer.requests.slice(-2).map(({ body }) => body.toString())).toEqual([`signed ${T2}`, `signed ${T2}`])
  expect(readExchange(dir, TO)).toMatchObject({ uri, at: T1, outcome: 'success', agent: 'krill', lastSuccess: T1 })
  expect(logged()).toHaveLength(4)
})

it('that is refused is logged with the answer, and recorded with its code', async () => {
  peer.behave = respond('400 Bad Request', '{"label":"cms-validation","msg":"no"}', ['Server: krill'])
  await expect(sendMessage(message({ uri: `${uri}?token=secret` }))).rejects.toMatchObject({ code: 'peer-status' })
  expect(logged()).toEqual([`sent.cms: signed ${T1}`, 'received.txt: {"label":"cms-validation","msg":"no"}'])
  const kept = readExchange(dir, TO)
  expect(kept).toMatchObject({ uri, outcome: 'failure', code: 'peer-status', agent: 'krill', lastSuccess: null })
  expect(kept?.message).toContain('cms-validation')
  expect(JSON.stringify(kept)).not.toContain('secret')
})

it('whose answer cannot be read is a failure, and the answer is logged', async () => {
  const open = () => Promise.reject(new Error('RFC 6492 section 3.1.1: no signature'))
  await expect(sendMessage(message({ open }))).rejects.toThrow('no signature')
  expect(readExchange(dir, TO)).toMatchObject({ outcome: 'failure', message: 'RFC 6492 section 3.1.1: no signature' })
  expect(logged()).toEqual([`sent.cms: signed ${T1}`, 'received.cms: reply'])
})

it('that cannot be signed or sent is recorded', async () => {
  const sent = peer.requests.length
  const seal = () => Promise.reject(new Error('no key'))
  await expect(sendMessage(message({ seal }))).rejects.toThrow('no key')
  await expect(sendMessage(message({ allowPrivate: false }))).rejects.toMatchObject({ code: 'peer-private-address' })
  expect(readExchange(dir, TO)).toMatchObject({ outcome: 'failure', code: 'peer-private-address', since: T1 })
  expect(peer.requests.length).toBe(sent)
})

it('goes to one host one after the other, from several CAs', async () => {
  let open = 0
  let most = 0
  peer.behave = (socket, request) => {
    open += 1
    most = Math.max(most, open)
    setTimeout(() => {
      open -= 1
      respond('200 OK', 'reply')(socket, request)
    }, 10)
  }
  await Promise.all(['a', 'b', 'c', 'd'].map((ca) => sendMessage(message({ to: { ...TO, ca } }))))
  expect(most).toBe(1)
})
