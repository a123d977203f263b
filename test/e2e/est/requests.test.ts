/** Requests that nobody may have a certificate for: each is refused in a plain sentence, and no CA is blamed for it. */
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EnrolSite, group } from '../../support/sites/enrol-site.js'

const AT_ONCE = 4
const site = new EnrolSite()
const sound = site.box.request({ san: 'DNS:a.example' })

beforeAll(async () => {
  await site.init()
  const cas = ['one', 'two'].map((id) => site.fileCa(id)).join('')
  site.configure(`${cas}${group('device', ['one', 'two'], 'strategy = "round-robin"\n')}`)
  await site.serve('device', 1)
})
afterAll(() => site.remove())

const changed = (at: number, octet: number): Uint8Array => sound.with(at < 0 ? sound.length + at : at, octet)
/** BER of indefinite length, which is no DER. */
const indefinite = (): Uint8Array => new Uint8Array([0x30, 0x80, ...sound.subarray(sound[1] === 0x82 ? 4 : 3), 0, 0])
/** Short, since they go through one argument of OpenSSL. */
const many = (count: number): string => Array.from({ length: count }, (_, i) => `DNS:h${i}`).join(',')
const text = (value: string): Uint8Array => new Uint8Array(Buffer.from(value))
/** A dNSName of `a`, NUL and `b.example`. */
const nul = (): Uint8Array => site.box.request({ san: 'DER:30:0d:82:0b:61:00:62:2e:65:78:61:6d:70:6c:65' })

const BAD: readonly (readonly [string, () => Uint8Array, number, string, RegExp])[] = [
  ['an empty file', () => text(''), 2, 'csr-unreadable', /contains no certificate request in PEM or DER/],
  [
    'two requests',
    () => text('-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n'.repeat(2)),
    2,
    'csr-unreadable',
    /contains 2 certificate requests/,
  ],
  ['a text', () => text('hello'), 2, 'csr-unreadable', /contains no certificate request/],
  [
    'garbage between the lines of PEM',
    () => text('-----BEGIN CERTIFICATE REQUEST-----\nAAAAAAAA\n-----END CERTIFICATE REQUEST-----\n'),
    1,
    'csr-invalid',
    /the request is refused/,
  ],
  [
    'a wrong signature',
    () => changed(-1, (sound.at(-1) ?? 0) ^ 1),
    1,
    'csr-invalid',
    /no proof of possession of the private key/,
  ],
  ['BER that is no DER', indefinite, 1, 'csr-invalid', /the request is refused/],
  ['half of it', () => sound.subarray(0, sound.length / 2), 1, 'csr-invalid', /the request is refused/],
  [
    'a megabyte',
    () => new Uint8Array(1 << 20).fill(0x30),
    1,
    'csr-invalid',
    /1048576 octets; at most 65536 are accepted/,
  ],
  [
    'RSA of 1024 bits',
    () => site.box.request({ key: 'rsa:1024' }),
    1,
    'csr-key-size',
    /RSA key of 1024 bits is too small/,
  ],
  [
    'an unknown curve',
    () => site.box.request({ key: 'secp256k1' }),
    1,
    'csr-curve',
    /EC key on an unsupported curve is not allowed/,
  ],
  [
    '10,000 names',
    () => site.box.request({ san: many(10_000) }),
    1,
    'csr-invalid',
    /octets; at most 65536 are accepted/,
  ],
  ['101 names', () => site.box.request({ san: many(101) }), 1, 'csr-names', /101 names; deviceCert allows at most 100/],
  [
    'a wildcard',
    () => site.box.request({ san: 'DNS:*.example' }),
    1,
    'csr-wildcard',
    /wildcard "\*\.example" is not allowed/,
  ],
  [
    'an IP address',
    () => site.box.request({ san: 'IP:192.0.2.1' }),
    1,
    'csr-ip',
    /IP address 192\.0\.2\.1 is not allowed/,
  ],
  ['a NUL in a name', nul, 1, 'csr-invalid', /outside of printable ASCII: "a\\u0000b\.example"/],
  ['a usage of others', () => site.box.request({ usage: 'codeSigning' }), 1, 'csr-usage', /1\.3\.6\.1\.5\.5\.7\.3\.3/],
]

function saved(name: string, bytes: Uint8Array): string {
  const path = site.box.path(`${name.replace(/\W/g, '-')}.csr`)
  writeFileSync(path, bytes)
  return path
}

/** All that is written of health and turns. */
const record = (): readonly string[] => readdirSync(join(site.data, 'ha', '0')).sort()

describe('a request is refused:', () => {
  it.each(BAD)('%s', async (title, make, code, error, message) => {
    const path = saved(title, make())
    const refused = await site.enrolFile('device', path)
    expect([refused.code, refused.error, refused.asked]).toEqual([code, error, []])
    expect(refused.message).toMatch(message)
    const told = (await site.brine('est', 'enroll', 'device', '--csr', path)).stderr
    expect(told).toMatch(/^Error: .{20,}/)
    expect(told).not.toMatch(/ {4}at |undefined|\[object|\0/)
  })

  it('a hundred of them open no circuit and take no turn', async () => {
    const before = record()
    const next = (await site.status()).next
    const left = Array.from({ length: 100 }, (_, n) => BAD[n % BAD.length]?.[0] ?? '')
    const client = async (): Promise<void> => {
      for (let title = left.pop(); title !== undefined; title = left.pop()) {
        const path = site.box.path(`${title.replace(/\W/g, '-')}.csr`)
        expect([1, 2]).toContain((await site.brine('est', 'enroll', 'device', '--csr', path)).code)
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, client))
    expect(record()).toEqual(before)
    expect([await site.states(), (await site.status()).next]).toEqual(['healthy healthy', next])
    expect(await site.serve('device', 1)).toEqual([next])
  }, 120_000)
})
