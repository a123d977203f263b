/** Whether a server can be reached: connections, handshakes, time limits and private addresses, at servers of loopback. */
import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type NamedServer, reachChecks } from '../../../src/core/app/doctor/network.js'
import { unreachable } from '../../../src/core/peers/reach.js'
import { RawPeer } from '../../support/peers/raw-peer.js'
import { OpensslBox } from '../../support/peers/requests.js'
import { freePort } from '../../support/peers/servers.js'

const box = new OpensslBox()
const root = box.ca('root')
const san = 'IP:127.0.0.1,DNS:localhost'
const valid = new RawPeer(box.leaf(root, 'valid', san, ['200101000000Z', '400101000000Z']))
const expired = new RawPeer(box.leaf(root, 'expired', san, ['200101000000Z', '210101000000Z']))
// accepts, and never answers a handshake
const silent = createServer(() => undefined)
let uris = { valid: '', expired: '', silent: '', closed: '' }

beforeAll(async () => {
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const address = silent.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const closed = `https://127.0.0.1:${await freePort()}/`
  uris = { valid: await valid.listen(), expired: await expired.listen(), silent: `https://127.0.0.1:${port}/`, closed }
})
afterAll(async () => {
  await Promise.all([valid.close(), expired.close()])
  silent.close()
  box.remove()
})

const tlsCa = (): string => box.run('x509', '-in', root.cert).toString()
const open = { allowPrivate: true, limitSeconds: 0.3 }

describe('a server', () => {
  it('that can be reached has no problem, by its own root or without verification', async () => {
    expect(await unreachable(uris.valid, { ...open, tlsCa: tlsCa() })).toBeUndefined()
    expect(await unreachable(uris.valid, { ...open, tlsInsecure: true })).toBeUndefined()
    expect(await unreachable(uris.valid.replace('https', 'http'), open)).toBeUndefined()
    expect(await unreachable(uris.expired, { ...open, connectOnly: true })).toBeUndefined()
    expect([...valid.requests, ...expired.requests]).toEqual([])
  })

  it('whose certificate is not accepted says why', async () => {
    expect(await unreachable(uris.valid, open)).toMatch(/^has a TLS certificate that is not accepted: .*unknown root/)
    expect(await unreachable(uris.expired, { ...open, tlsCa: tlsCa() })).toMatch(/not accepted: it has expired$/)
  })

  it('that refuses, stays silent or does not exist ends within the limit', async () => {
    expect(await unreachable(uris.closed, open)).toBe('refused the connection')
    expect(await unreachable(uris.silent, open)).toBe('could not be reached within 0.3 s')
    const resolve = () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }))
    expect(await unreachable('https://gone.example/', { ...open, resolve })).toMatch(/not in the DNS/)
    const never = () => new Promise<never>(() => undefined)
    expect(await unreachable('https://slow.example/', { ...open, resolve: never })).toMatch(/within 0.3 s/)
    expect(await unreachable('ldap://x.example/', open)).toBe('is not a URI of a server')
  })

  it('with a private address is not connected to, unless that is allowed', async () => {
    const before = valid.connections
    expect(await unreachable(uris.valid, { ...open, allowPrivate: false })).toMatch(/private address, 127.0.0.1/)
    const resolve = async () => [{ address: '127.0.0.1', family: 4 }]
    const named = uris.valid.replace('127.0.0.1', 'named.example')
    expect(await unreachable(named, { ...open, allowPrivate: false, resolve })).toMatch(/private address, 127.0.0.1/)
    expect(valid.connections).toBe(before)
  })
})

it('hundreds of servers are asked once each, twenty at a time', async () => {
  const servers: readonly NamedServer[] = Array.from({ length: 60 }, (_, n) => ({
    what: `parent ${n}`,
    uri: n < 40 ? `${uris.silent}${n}` : uris.closed,
    options: open,
  }))
  const begun = performance.now()
  const checks = await reachChecks(servers)
  expect([checks.length, performance.now() - begun < 5000]).toEqual([60, true])
  expect(await reachChecks([])).toMatchObject([{ level: 'ok', message: 'no servers to reach' }])
})
