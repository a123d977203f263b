/** `brine tls` as users run it, with OpenSSL as the CA. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { TlsChange, TlsReport } from '../../../src/core/app/operations/tls.js'
import { OpensslBox } from '../../support/peers/requests.js'
import { brine, runBrine, scratchDir } from '../../support/processes/cli.js'

const { path, remove } = scratchDir()
const dataDir = join(path, 'data')
const [key, cert] = [join(dataDir, 'ssl/key.pem'), join(dataDir, 'ssl/cert.pem')]
const box = new OpensslBox()
let pair: readonly [Buffer, Buffer]

beforeAll(async () => {
  await brine(['init'], { dataDir })
  pair = [readFileSync(key), readFileSync(cert)]
})
beforeEach(() => {
  writeFileSync(key, pair[0])
  writeFileSync(cert, pair[1])
})
afterAll(() => {
  box.remove()
  remove()
})

const show = async (): Promise<readonly [number | null, TlsReport]> => {
  const ran = await runBrine(['tls', 'show', '--json'], { dataDir })
  return [ran.code, ran.json<TlsReport>()]
}
const isPair = (): boolean =>
  new X509Certificate(readFileSync(cert)).checkPrivateKey(createPrivateKey(readFileSync(key)))

/** The answer of a CA to a request. */
function signed(csr: string, days = 90): { readonly file: string; readonly ca: string } {
  const ca = box.ca('Example CA')
  box.run(
    'x509',
    '-req',
    '-in',
    csr,
    '-CA',
    ca.cert,
    '-CAkey',
    ca.key,
    '-copy_extensions',
    'copy',
    '-days',
    String(days),
    '-out',
    'signed.pem',
  )
  return { file: box.path('signed.pem'), ca: ca.cert }
}

it('shows the pair that init made', async () => {
  const [code, report] = await show()
  expect(code).toBe(0)
  expect(report).toMatchObject({
    certFile: cert,
    keyFile: key,
    subject: 'CN=localhost',
    selfSigned: true,
    keyMatches: true,
    problems: [],
  })
  expect(report.names).toContain('localhost')
  expect(report.fingerprint).toBe(
    new X509Certificate(readFileSync(cert)).fingerprint256.replaceAll(':', '').toLowerCase(),
  )
  expect((await brine(['tls', 'show'], { dataDir })).stdout).toContain(report.fingerprint)
})

it('complains of a key that others can read, is of another certificate, and of one that is gone', async () => {
  chmodSync(key, 0o644)
  const [exposed, readable] = await show()
  expect([exposed, readable.problems.join()]).toEqual([1, expect.stringContaining('other users can read')])
  chmodSync(key, 0o600)
  writeFileSync(key, readFileSync(box.ca('other').key))
  const [mixed, strange] = await show()
  expect([mixed, strange.keyMatches, strange.problems]).toEqual([1, false, [`${cert} is not for the key in ${key}`]])
  writeFileSync(cert, '')
  const [gone, empty] = await show()
  expect([gone, empty.subject]).toEqual([1, null])
})

it('complains of a certificate that has expired, or will soon', async () => {
  for (const [days, word] of [
    [7, 'expires at'],
    [-1, 'expired at'],
  ] as const) {
    const made = box.ca('soon', { days: Math.max(days, 1) })
    if (days < 0) {
      box.run('req', '-new', '-key', made.key, '-subj', '/CN=soon', '-out', 'soon.csr')
      box.run('x509', '-req', '-in', 'soon.csr', '-signkey', made.key, '-days', '-1', '-out', 'soon.pem')
    }
    writeFileSync(key, readFileSync(made.key))
    writeFileSync(cert, readFileSync(box.path('soon.pem')))
    const [code, report] = await show()
    expect([code, report.problems.join()]).toEqual([1, expect.stringContaining(word)])
  }
})

it('renews: another key, the same names unless others are given', async () => {
  const before = (await show())[1]
  const same = (await brine(['tls', 'renew', '--json'], { dataDir })).json<TlsChange>()
  expect(same).toMatchObject({ changed: 'yes', names: before.names, keyMatches: true, selfSigned: true, problems: [] })
  expect(same.fingerprint).not.toBe(before.fingerprint)
  expect(readFileSync(key).equals(pair[0])).toBe(false)
  expect(statSync(key).mode & 0o777).toBe(0o600)
  await brine(['tls', 'renew', '--name', 'rpki.example.net', '--name', 'b.example'], { dataDir })
  expect((await show())[1].names).toEqual(['rpki.example.net', 'b.example'])
  expect(isPair()).toBe(true)
  const wrong = await runBrine(['tls', 'renew', '--name', 'a b'], { dataDir })
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('not a DNS name')])
  const now = readFileSync(cert)
  await brine(['tls', 'renew', '--dry-run'], { dataDir })
  expect(readFileSync(cert).equals(now)).toBe(true)
})

it('takes the certificate of a CA for its key, and gives it up only when told to', async () => {
  const csr = box.path('rpki.csr')
  await brine(['tls', 'renew', '--csr', csr, '--name', 'rpki.example.net'], { dataDir })
  expect(box.run('req', '-in', csr, '-noout', '-verify', '-text').toString()).toContain('DNS:rpki.example.net')
  const { file, ca } = signed(csr)
  const chain = box.path('chain.pem')
  writeFileSync(chain, Buffer.concat([readFileSync(file), readFileSync(ca)]))
  await brine(['tls', 'renew', '--cert', chain], { dataDir })
  const [code, report] = await show()
  expect([code, report.selfSigned, report.issuer, report.names]).toEqual([
    0,
    false,
    'O=Example,CN=Example CA',
    ['rpki.example.net'],
  ])
  expect(readFileSync(key).equals(pair[0])).toBe(true)
  const refused = await runBrine(['tls', 'renew'], { dataDir })
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('--yes')])
  expect((await show())[1].fingerprint).toBe(report.fingerprint)
  await brine(['tls', 'renew', '--yes'], { dataDir })
  expect((await show())[1].selfSigned).toBe(true)
})

it('refuses a certificate that is not for its key, has expired, or a chain that is none', async () => {
  const csr = box.path('two.csr')
  await brine(['tls', 'renew', '--csr', csr], { dataDir })
  const { file, ca } = signed(csr)
  const [stranger, torn, late] = ['stranger.pem', 'torn.pem', 'late.pem'].map((name) => box.path(name)) as [
    string,
    string,
    string,
  ]
  writeFileSync(stranger, readFileSync(ca))
  writeFileSync(torn, Buffer.concat([readFileSync(file), readFileSync(box.ca('unrelated').cert)]))
  writeFileSync(late, readFileSync(signed(csr, -1).file))
  for (const [wrong, word] of [
    [stranger, 'not for the key'],
    [torn, 'did not sign'],
    [late, 'expired'],
  ] as const) {
    const ran = await runBrine(['tls', 'renew', '--cert', wrong], { dataDir })
    expect([ran.code, ran.stderr]).toEqual([1, expect.stringContaining(word)])
  }
  expect(readFileSync(cert).equals(pair[1])).toBe(true)
})

it('is finished by tick where a crash cut it short', async () => {
  const made = box.ca('crashed')
  writeFileSync(join(dataDir, 'ssl/renewal.pem'), Buffer.concat([readFileSync(made.key), readFileSync(made.cert)]), {
    mode: 0o600,
  })
  writeFileSync(key, readFileSync(made.key))
  expect((await show())[1].problems).toHaveLength(2)
  await brine(['tick'], { dataDir })
  const [code, report] = await show()
  expect([code, report.subject]).toEqual([0, 'O=Example,CN=crashed'])
})
