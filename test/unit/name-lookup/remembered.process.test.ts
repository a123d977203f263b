/** Addresses of hosts by DNS, and what is remembered of them: with a name server on loopback. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Json } from '../../../src/core/base/json.js'
import { addSeconds, type Instant } from '../../../src/core/base/time.js'
import {
  lookUp,
  MAX_ADDRESSES,
  NOTHING_REMEMBERED,
  type RememberedHosts,
  readRemembered,
} from '../../../src/core/name-lookup/remembered.js'
import { nameService } from '../../../src/core/name-lookup/resolver.js'
import { type NameServer, nameServer } from '../../support/peers/name-server.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
const DAY = 86_400

let server: NameServer
beforeEach(async () => {
  server = await nameServer({})
})
afterEach(() => server.close())

const look = (names: readonly string[], before: RememberedHosts = NOTHING_REMEMBERED, at = NOW) =>
  lookUp(names, nameService([server.address]), before, at)

const addressesOf = ({ hosts }: RememberedHosts, host: string) =>
  hosts.find((one) => one.host === host)?.addresses.map(({ address }) => address)

describe('lookUp', () => {
  it('finds both families, and the name servers of the zone with their addresses', async () => {
    server.zone = {
      addresses: { 'rpki.example.net': ['192.0.2.7', '2001:db8::7'], 'ns1.example.net': ['192.0.2.53'] },
      servers: { 'example.net': ['ns1.example.net'] },
    }
    const found = await look(['rpki.example.net'])
    expect(found.hosts.map(({ host, failure }) => [host, failure])).toEqual([
      ['ns1.example.net', null],
      ['rpki.example.net', null],
    ])
    expect(addressesOf(found, 'rpki.example.net')).toEqual(['192.0.2.7', '2001:db8::7'])
    expect(addressesOf(found, 'ns1.example.net')).toEqual(['192.0.2.53'])
    expect(server.questions).not.toContain('net 2')
  })

  it('takes an address as it is, and asks nothing', async () => {
    expect(addressesOf(await look(['192.0.2.9']), '192.0.2.9')).toEqual(['192.0.2.9'])
    expect(server.questions).toEqual([])
  })

  it('keeps the addresses of before when DNS fails or the name is gone', async () => {
    server.zone = {
      addresses: { 'a.example': ['192.0.2.1'], 'ns.example': ['192.0.2.2'] },
      servers: { 'a.example': ['ns.example'] },
    }
    const before = await look(['a.example'])
    server.zone = {}
    const after = await look(['a.example'], before, addSeconds(NOW, DAY))
    expect(addressesOf(after, 'a.example')).toEqual(['192.0.2.1'])
    expect(addressesOf(after, 'ns.example')).toEqual(['192.0.2.2'])
    const { failure, answeredAt } = after.hosts.find(({ host }) => host === 'a.example') ?? expect.fail()
    expect([failure, answeredAt]).toEqual(['ENOTFOUND', NOW])
  })

  it('keeps what other answers named for a month', async () => {
    server.zone = { addresses: { 'a.example': ['192.0.2.1'] } }
    const before = await look(['a.example'])
    server.zone = { addresses: { 'a.example': ['192.0.2.2'] } }
    const month = await look(['a.example'], before, addSeconds(NOW, 30 * DAY))
    expect(addressesOf(month, 'a.example')).toEqual(['192.0.2.2', '192.0.2.1'])
    expect(addressesOf(await look(['a.example'], month, addSeconds(NOW, 31 * DAY)), 'a.example')).toEqual(['192.0.2.2'])
  })

  it('keeps the newest of many addresses', async () => {
    const many = (net: number) => Array.from({ length: 40 }, (_, n) => `192.0.${net}.${n}`)
    server.zone = { addresses: { 'cdn.example': many(1) } }
    const before = await look(['cdn.example'])
    server.zone = { addresses: { 'cdn.example': many(2) } }
    const found = addressesOf(await look(['cdn.example'], before), 'cdn.example') ?? []
    expect(found).toHaveLength(MAX_ADDRESSES)
    expect(new Set(found.slice(0, 40))).toEqual(new Set(many(2)))
  })

  it('ends when no server answers', async () => {
    server.zone = { silent: true }
    const { hosts } = await look(['a.example'])
    expect(hosts).toMatchObject([{ host: 'a.example', addresses: [], failure: 'ETIMEOUT' }])
  }, 60_000)
})

describe('readRemembered', () => {
  it('reads what was written, and leaves out what is not as it was', async () => {
    server.zone = { addresses: { 'a.example': ['192.0.2.1'] } }
    const found = await look(['a.example'])
    expect(readRemembered(JSON.parse(JSON.stringify(found)) as Json)).toEqual(found)
    expect(readRemembered({ at: 'x', hosts: [1, { host: 2 }, { host: 'b', addresses: [{ address: 1 }] }] })).toEqual({
      at: null,
      hosts: [{ host: 'b', addresses: [], answeredAt: null, failure: null }],
    })
    expect(readRemembered(undefined)).toEqual(NOTHING_REMEMBERED)
  })
})
