/** The HTTPS key and certificate: whatever fails at any file operation, a complete pair exists, and the next run has it in both files. */
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

/** Returns whose key and certificate the two files contain; `torn` if they do not belong together. */
function pairIn({ key, cert }: ReturnType<typeof tlsPaths>): string {
  const certificate = new X509Certificate(readFileSync(cert))
  const isWhole = certificate.checkPrivateKey(createPrivateKey(readFileSync(key)))
  return isWhole ? (/CN=(\w+)/.exec(certificate.subject)?.[1] ?? '') : 'torn'
}

it('replaces the old one, not accessible to other users, and leaves no other file', () => {
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
      // nothing after it happens either: the process has ended
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

it('whose replacement a crash interrupted is completed before a certificate of a CA replaces it', () => {
  const places = dataDir()
  writeFileSync(places.renewal, `${fresh.keyPem}${fresh.certPem}`)
  replaceTlsCertificate(places, fresh.certPem)
  expect(pairIn(places)).toBe('new')
})

it('is not replaced through a link to files that another tool manages', () => {
  const places = dataDir()
  rmSync(places.cert)
  symlinkSync('/etc/hostname', places.cert)
  expect(() => replaceTlsKeyAndCertificate(places, fresh)).toThrow(expect.objectContaining({ code: 'tls-linked' }))
  expect(() => replaceTlsCertificate(places, fresh.certPem)).toThrow(expect.objectContaining({ code: 'tls-linked' }))
  expect(readFileSync(places.key, 'utf8')).toBe(old.keyPem)
})

it('is left unchanged if the interrupted replacement is not a key and certificate', () => {
  const places = dataDir()
  writeFileSync(places.renewal, fresh.keyPem)
  expect(() => finishTlsRenewal(places)).toThrow(expect.objectContaining({ code: 'tls-renewal-damaged' }))
  expect(pairIn(places)).toBe('old')
})
