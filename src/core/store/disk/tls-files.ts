/**
 * The HTTPS key and certificate in `ssl/` that the web server in front reads: `key.pem` and `cert.pem`.
 * Invariant: a complete key and certificate always exist. New ones are first written as one file, `renewal.pem`, and then as two; a process
 * that finds `renewal.pem` completes the interrupted replacement.
 */
import { join } from 'node:path'
import { AppError } from '../../base/errors.js'
import { readIfExists, removeFile, statIfExists, syncDir } from './fs.js'
import { replaceFile, writeNew } from './write-file.js'

export interface TlsPaths {
  readonly dir: string
  readonly key: string
  readonly cert: string
  /** Exists only while both are being replaced. */
  readonly renewal: string
  /** Staging folder for files that are being written; each new lock holder empties it. */
  readonly temp: string
}

const KEY = /-----BEGIN (?:RSA |EC )?PRIVATE KEY-----[\s\S]+?-----END (?:RSA |EC )?PRIVATE KEY-----\n/
const CERTIFICATES = /-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----\n/

export function tlsPaths(dataDir: string): TlsPaths {
  const dir = join(dataDir, 'ssl')
  const file = (name: string): string => join(dir, name)
  return {
    dir,
    key: file('key.pem'),
    cert: file('cert.pem'),
    renewal: file('renewal.pem'),
    temp: join(dataDir, 'tmp'),
  }
}

/** Returns true if a crash interrupted the replacement of the key and its certificate. */
export function isTlsRenewalUnfinished({ renewal }: TlsPaths): boolean {
  return statIfExists(renewal) !== undefined
}

/** Repaths the key and its certificate. The caller holds the lock. Throws `tls-linked` (rejected), `io`. */
export function replaceTlsKeyAndCertificate(
  paths: TlsPaths,
  pair: { readonly keyPem: string; readonly certPem: string },
): void {
  refuseLinks(paths)
  finishTlsRenewal(paths)
  writeNew(paths.renewal, Buffer.from(`${pair.keyPem}${pair.certPem}`), { temp: paths.temp })
  syncDir(paths.dir)
  finishTlsRenewal(paths)
}

/**
 * Repaths the certificate of the existing key: one file, so atomic by itself. The caller holds the lock. Throws `tls-linked` (rejected),
 * `io`.
 */
export function replaceTlsCertificate(paths: TlsPaths, certPem: string): void {
  refuseLinks(paths)
  finishTlsRenewal(paths)
  replaceFile(paths.cert, Buffer.from(certPem), { temp: paths.temp })
  syncDir(paths.dir)
}

/**
 * Completes an interrupted replacement; false if there is none. The caller holds the lock. Throws `tls-renewal-damaged` (corrupt), `io`.
 */
export function finishTlsRenewal(paths: TlsPaths): boolean {
  const bytes = readIfExists(paths.renewal)
  if (bytes === undefined) return false
  const text = Buffer.from(bytes).toString('latin1')
  const [key, cert] = [KEY.exec(text)?.[0], CERTIFICATES.exec(text)?.[0]]
  if (key === undefined || cert === undefined)
    throw new AppError('corrupt', 'tls-renewal-damaged', `${paths.renewal}: does not contain a key and a certificate`, {
      hint: `remove ${paths.renewal}, then: brine tls renew`,
      details: { path: paths.renewal },
    })
  replaceFile(paths.key, Buffer.from(key), { temp: paths.temp })
  replaceFile(paths.cert, Buffer.from(cert), { temp: paths.temp })
  syncDir(paths.dir)
  removeFile(paths.renewal)
  syncDir(paths.dir)
  return true
}

/** Throws `tls-linked`: the target of a link is managed by another tool. */
function refuseLinks({ key, cert }: TlsPaths): void {
  for (const path of [key, cert])
    if (statIfExists(path)?.isSymbolicLink() === true)
      throw new AppError(
        'rejected',
        'tls-linked',
        `refusing to replace ${path}: it is a symbolic link, and its target is renewed elsewhere`,
        {
          hint: 'to let brine renew the key and certificate, remove the link first',
          details: { path },
        },
      )
}

/** Returns a sentence for each file of the pair without a certificate or key, which a web server refuses at its next start. An absent pair is none. */
export function unusableTlsFiles({ key, cert }: TlsPaths): readonly string[] {
  const [certificate, secret] = [readIfExists(cert), readIfExists(key)]
  const found: string[] = []
  if (certificate !== undefined && !Buffer.from(certificate).includes('-----END CERTIFICATE-----'))
    found.push(`${cert}: not a certificate`)
  if (secret === undefined && certificate !== undefined) found.push(`${key}: the key of the certificate is missing`)
  if (secret !== undefined && !/-----END [A-Z ]*PRIVATE KEY-----/.test(Buffer.from(secret).toString('latin1')))
    found.push(`${key}: not a private key`)
  return found
}
