/** Certification requests of a CA: what is signed is read again, and what breaks the profile is refused. */
import { execFileSync } from 'node:child_process'
import { beforeAll, describe, expect, test } from 'vitest'
import { createSoftSigner } from '../../../src/core/crypto/soft-signer.js'
import {
  type CaRequest,
  decodeCertificationRequest,
  signCertificationRequest,
} from '../../../src/core/rpki/certification-request.js'
import { findProgram } from '../../support/peers/validators.js'
import { fixedKeys } from '../../support/rpki/fixed-keys.js'
import { createMemoryKeyStore } from '../../support/store/memory-key-store.js'

const signer = createSoftSigner({ keyStore: createMemoryKeyStore(), source: fixedKeys() })
const BASE = 'rsync://kid.example/repo/kid/0/'
let good: CaRequest
let der: Uint8Array

const request = (changes: Partial<CaRequest['sia']> = {}): CaRequest => ({ ...good, sia: { ...good.sia, ...changes } })
const sign = (asked: CaRequest) => signCertificationRequest(asked, (tbs) => signer.sign(good.ski, tbs))

beforeAll(async () => {
  const { id: ski, spki } = await signer.createKey()
  const notify = 'https://kid.example/rrdp/notification.xml'
  good = { ski, spki, sia: { kind: 'ca', caRepository: BASE, manifest: `${BASE}${ski}.mft`, notify } }
  der = await sign(good)
})

test('what is signed is read again, with and without RRDP', async () => {
  expect(decodeCertificationRequest(der)).toEqual({ content: good, findings: [] })
  const { notify: _, ...places } = good.sia
  const plain = { ...good, sia: places }
  expect(decodeCertificationRequest(await sign(plain)).content).toEqual(plain)
})

test('OpenSSL reads it and verifies its signature', (context) => {
  const openssl = findProgram('openssl') ?? context.skip('missing: openssl')
  const text = execFileSync(openssl, ['req', '-inform', 'DER', '-verify', '-noout', '-text'], {
    input: der,
    stdio: 'pipe',
  })
  expect(String(text)).toContain('CA:TRUE')
})

describe('refused is', () => {
  test.each<[string, Partial<CaRequest['sia']>]>([
    ['a folder without its slash', { caRepository: BASE.slice(0, -1) }],
    ['a folder that is no rsync URI', { caRepository: 'https://kid.example/repo/' }],
    ['a manifest elsewhere', { manifest: 'rsync://kid.example/repo/other/a.mft' }],
    ['a manifest in a folder below', { manifest: `${BASE}sub/a.mft` }],
    [
      'a path that goes up',
      { caRepository: 'rsync://kid.example/repo/../x/', manifest: 'rsync://kid.example/repo/../x/a.mft' },
    ],
    ...['a@kid.example', 'kid.example.', 'kid.example:0873', 'kid.example:99999', 'kid.example:'].map(
      (host): [string, Partial<CaRequest['sia']>] => {
        const caRepository = BASE.replace('kid.example', host)
        return [`the host ${host}`, { caRepository, manifest: `${caRepository}a.mft` }]
      },
    ),
    ['a notification with a user', { notify: 'https://a@kid.example/notification.xml' }],
    ['a notification over http', { notify: 'http://kid.example/notification.xml' }],
  ])('%s', async (_, changes) => {
    const { content, findings } = decodeCertificationRequest(await sign(request(changes)))
    expect(content).toBeUndefined()
    expect(findings.length).toBeGreaterThan(0)
  })

  test('a request that another key signed', async () => {
    const other = await signer.createKey()
    const forged = await signCertificationRequest(good, (tbs) => signer.sign(other.id, tbs))
    expect(decodeCertificationRequest(forged).findings.map((f) => f.rule)).toEqual(['RFC 2986 section 3'])
  })

  test('every part of a request, and one with any octet changed', () => {
    for (let length = 0; length < der.length; length += 7)
      expect(decodeCertificationRequest(der.subarray(0, length)).content).toBeUndefined()
    for (let at = 0; at < der.length; at += 3) {
      const changed = Uint8Array.from(der)
      changed[at] = (changed[at] ?? 0) ^ 0x01
      expect(decodeCertificationRequest(changed).content, `octet ${at}`).toBeUndefined()
    }
  })
})
