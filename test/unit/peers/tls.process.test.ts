/** TLS to peers: verified by default, with further roots, or not at all by permission. The certificates are made by OpenSSL. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { post } from '../../../src/core/peers/http.js'
import type { PeerTls } from '../../../src/core/peers/types.js'
import { RawPeer } from '../../support/peers/raw-peer.js'
import { OpensslBox } from '../../support/peers/requests.js'

const box = new OpensslBox()
const root = box.ca('root')
const rootPem = readFileSync(root.cert, 'utf8')
const peers = new Map<string, { readonly peer: RawPeer; readonly uri: string; readonly pem: string }>()

/** A certificate of the root. */
const leaf = (name: string, san: string, from: string, to: string) => box.leaf(root, name, san, [from, to])

async function listen(name: string, tls: { readonly cert: Buffer; readonly key: Buffer }): Promise<void> {
  const peer = new RawPeer(tls)
  peers.set(name, { peer, uri: await peer.listen(), pem: tls.cert.toString() })
}

beforeAll(async () => {
  const [past, future] = ['200101000000Z', '400101000000Z']
  const here = 'IP:127.0.0.1,DNS:localhost'
  await listen('right', leaf('right', here, past, future))
  await listen('expired', leaf('expired', here, past, '210101000000Z'))
  await listen('early', leaf('early', here, '390101000000Z', future))
  await listen('other', leaf('other', 'DNS:other.example', past, future))
  const key = box.key()
  box.run(
    'req',
    '-x509',
    '-new',
    '-key',
    key,
    '-subj',
    '/CN=own',
    '-addext',
    `subjectAltName=${here}`,
    '-out',
    'own.pem',
  )
  await listen('self-signed', { cert: readFileSync(box.path('own.pem')), key: readFileSync(box.path(key)) })
  // its key usage is that of a CA alone
  const ca = box.ca('no-server')
  await listen('no-server', { cert: readFileSync(ca.cert), key: readFileSync(ca.key) })
})
afterAll(async () => {
  for (const { peer } of peers.values()) await peer.close()
  box.remove()
})

async function outcome(name: string, tls: PeerTls): Promise<string> {
  const { uri, peer } = peers.get(name)!
  const before = peer.requests.length
  const request = { uri, contentType: 'x/y', body: Buffer.from('m'), userAgent: 'brine/1', allowPrivate: true, tls }
  const said = await post(request).then(
    ({ body }) => body.toString(),
    (error: Error & { code: string; hint: string }) => `${error.code}: ${error.message}; ${error.hint}`,
  )
  // no message goes to a server that is not trusted
  expect(peer.requests.length - before).toBe(said === 'answer' ? 1 : 0)
  return said
}

describe('a TLS certificate', () => {
  it('of an unknown root is refused; the hint has both ways to trust it', async () => {
    const said = await outcome('right', {})
    expect(said).toMatch(
      /^peer-tls-untrusted: https:\/\/127\.0\.0\.1:\d+\/: its TLS certificate is not accepted: it is signed by an unknown root/,
    )
    expect(said).toContain('--tls-ca FILE')
    expect(said).toContain('--tls-insecure')
    expect(await outcome('self-signed', {})).toContain('it is self-signed and unknown')
    expect(await outcome('no-server', {})).toMatch(/^peer-tls-untrusted: .* not accepted: INVALID_PURPOSE/)
  })

  it('is accepted below a further root, and one that is given itself', async () => {
    expect(await outcome('right', { ca: rootPem })).toBe('answer')
    expect(await outcome('right', { ca: `a comment\n${peers.get('right')!.pem}` })).toBe('answer')
    expect(await outcome('right', { ca: `${peers.get('self-signed')!.pem}${rootPem}` })).toBe('answer')
    expect(await outcome('self-signed', { ca: peers.get('self-signed')!.pem })).toBe('answer')
    expect(await outcome('right', { ca: peers.get('self-signed')!.pem })).toContain('peer-tls-untrusted')
  })

  it('that has expired or is not valid yet is refused with the time here', async () => {
    const expired = await outcome('expired', { ca: rootPem })
    expect(expired).toMatch(/^peer-tls-date: .* it has expired; the clock here says 20\d\d-\d\d-\d\dT/)
    expect(await outcome('early', { ca: rootPem })).toMatch(/^peer-tls-date: .* it is not valid yet; the clock here/)
  })

  it('for another host is refused', async () => {
    expect(await outcome('other', { ca: rootPem })).toMatch(/^peer-tls-name: .* it is for another host/)
  })

  it('of any kind is accepted by permission', async () => {
    for (const name of peers.keys()) expect(await outcome(name, { insecure: true })).toBe('answer')
  })

  it('is verified whatever the environment says', async () => {
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    process.env['NODE_EXTRA_CA_CERTS'] = root.cert
    try {
      expect(await outcome('right', {})).toContain('peer-tls-untrusted')
      expect(await outcome('right', { insecure: false })).toContain('peer-tls-untrusted')
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
      delete process.env['NODE_EXTRA_CA_CERTS']
    }
  })

  it('is not compared with a root that is not a certificate', async () => {
    for (const ca of ['', 'nonsense', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'])
      expect(await outcome('right', { ca })).toMatch(/^peer-tls-ca-invalid/)
    const key = readFileSync(root.key, 'utf8')
    const said = await outcome('right', { ca: key })
    expect(said).toMatch(/^peer-tls-ca-invalid/)
    expect(said).not.toContain(key.split('\n')[1])
  })
})
