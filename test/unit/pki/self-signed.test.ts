/** The HTTPS certificate of `init`: its validity may cross 2050, where X.509 changes the type of a time (RFC 5280 section 4.1.2.5). */
import { X509Certificate } from 'node:crypto'
import { expect, it } from 'vitest'
import type { Instant } from '../../../src/core/base/time.js'
import { selfSignedTls } from '../../../src/core/pki/self-signed.js'

it.each([
  ['2026-12-01T00:00:00Z', '2036-12-01T00:00:00Z'],
  ['2040-01-01T00:00:00Z', '2050-01-01T00:00:00Z'],
  ['2055-01-01T00:00:00Z', '2065-01-01T00:00:00Z'],
])('is valid from %s to %s', async (from, to) => {
  const random = { bytes: (count: number) => new Uint8Array(count).fill(7) } as never
  const { certPem } = await selfSignedTls(['h.example'], from as Instant, to as Instant, random)
  const { validFrom, validTo } = new X509Certificate(certPem)
  // it begins 5 minutes earlier, for clients whose clock is behind
  expect([Date.parse(validFrom), Date.parse(validTo)]).toEqual([Date.parse(from) - 300_000, Date.parse(to)])
})
