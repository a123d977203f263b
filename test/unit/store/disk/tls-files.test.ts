/** The HTTPS pair: whatever fails or dies at whatever file operation, a whole pair is there, and the next run has one in both files. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, expect, it } from 'vitest'
import { onFileOperation } from '../../../../src/core/store/disk/io-error.js'
import {
  finishTlsRenewal,
  isTlsRenewalUnfinished,
  replaceTlsCertificate,
  replaceTlsKeyAndCertificate,
  tlsPaths,
} from '../../../../src/core/store/disk/tls-files.js'
import { OpensslBox } from '../../../support/peers/requests.js'

const box = new OpensslBox()
const folder = mkdtempSync(join(tmpdir(), 'brine-tls-'))
afterEach(() => onFileOperation(undefined))
afterAll(() => {
  box.remove()
  rmSync(folder, { recursive: true })
})

const pairOf = (name: string): { readonly keyPem: string; readonly certPem: string } => {
  const { cert, key } = box.ca(name)
  return { keyPem: readFileSync(key, 'utf8'), certPem: readFileSync(cert, 'utf8') }
}
const old = pairOf('old')
const fresh = pairOf('new')

let made = 0
function dataDir(): ReturnType<typeof tlsPaths> {
  made += 1
  const dir = join(folder, String(made))
  for (const below of ['ssl', 'tmp']) mkdirSync(join(dir, below), { recursive: true })
  const places = tlsPaths(dir)
  writeFileSync(places.key, old.keyPem, { mode: 0o600 })
  writeFileSync(places.cert, old.certPem, { mode: 0o600 })
  return places
}

/** Whose pair lies in the two files; `torn` where they do not belong together. */
function pairIn({ key, cert }: ReturnType<typeof tlsPaths>): string {
  const certificate = new X509Certificate(readFileSync(cert))
  const isWhole = certificate.checkPrivateKey(createPrivateKey(readFileSync(key)))
  return isWhole ? (/CN=(\w+)/.exec(certificate.subject)?.[1] ?? '') : 'torn'
}

it('takes the place of the old one, closed to others, and leaves nothing beside it', () => {
  const places = dataDir()
  replaceTlsKeyAndCertificate(places, fresh)
  expect(pairIn(places)).toBe('new')
  expect(readdirSync(places.dir)).toEqual(['cert.pem', 'key.pem'])
  expect(statSync(places.key).mode & 0o777).toBe(0o600)
  expect(finishTlsRenewal(places)).toBe(false)
})

it('is old or new after a failure at any file operation', () => {
  let total = 0
  onFileOperation(() => {
    total += 1
  })
  replaceTlsKeyAndCertificate(dataDir(), fresh)
  onFileOperation(undefined)
  expect(total).toBeGreaterThan(15)
  const ends = new Set<string>()
  for (let n = 1; n <= total; n++) {
    const places = dataDir()
    let at = 0
    onFileOperation(() => {
      at += 1
      // whatever comes after it does not happen either: the process is gone
      if (at >= n) throw Object.assign(new Error('gone'), { code: 'EIO' })
    })
    expect(() => replaceTlsKeyAndCertificate(places, fresh)).toThrow()
    onFileOperation(undefined)
    const torn = pairIn(places) === 'torn'
    if (torn) expect(isTlsRenewalUnfinished(places)).toBe(true)
    finishTlsRenewal(places)
    ends.add(`${torn ? 'finished, ' : ''}${pairIn(places)}`)
    expect(existsSync(places.renewal)).toBe(false)
    replaceTlsKeyAndCertificate(places, fresh)
    expect(pairIn(places)).toBe('new')
  }
  expect([...ends].sort()).toEqual(['finished, new', 'new', 'old'])
})

it('that a crash cut short is finished before a certificate of a CA takes its place', () => {
  const places = dataDir()
  writeFileSync(places.renewal, `${fresh.keyPem}${fresh.certPem}`)
  replaceTlsCertificate(places, fresh.certPem)
  expect(pairIn(places)).toBe('new')
})

it('is not replaced where a link leads to the pair of somebody else', () => {
  const places = dataDir()
  rmSync(places.cert)
  symlinkSync('/etc/hostname', places.cert)
  expect(() => replaceTlsKeyAndCertificate(places, fresh)).toThrow(expect.objectContaining({ code: 'tls-linked' }))
  expect(() => replaceTlsCertificate(places, fresh.certPem)).toThrow(expect.objectContaining({ code: 'tls-linked' }))
  expect(readFileSync(places.key, 'utf8')).toBe(old.keyPem)
})

it('is left as it is where what was to be finished is no pair', () => {
  const places = dataDir()
  writeFileSync(places.renewal, fresh.keyPem)
  expect(() => finishTlsRenewal(places)).toThrow(expect.objectContaining({ code: 'tls-renewal-damaged' }))
  expect(pairIn(places)).toBe('old')
})
