/**
 * The HTTPS pair in `ssl/` that the web server in front reads: `key.pem` and `cert.pem`.
 * Invariant: a whole pair is always there. A new pair is first one file, `renewal.pem`, and only then two; who finds that file
 * finishes what a crash cut short.
 */
import { join } from 'node:path'
import { AppError } from '../../base/errors.js'
import { readIfExists, removeFile, statIfExists, syncDir } from './fs.js'
import { replaceFile, writeNew } from './write-file.js'

export interface TlsPaths {
  readonly dir: string
  readonly key: string
  readonly cert: string
  /** There only while both are being replaced. */
  readonly renewal: string
  /** For files that grow; it is emptied by who takes the lock. */
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

/** Did a crash come between the key and its certificate? */
export function isTlsRenewalUnfinished({ renewal }: TlsPaths): boolean {
  return statIfExists(renewal) !== undefined
}

/** Puts a key and its certificate in the place of both. The caller holds the lock. Throws `tls-linked` (rejected), `io`. */
export function replaceTlsKeyAndCertificate(
  places: TlsPaths,
  pair: { readonly keyPem: string; readonly certPem: string },
): void {
  refuseLinks(places)
  finishTlsRenewal(places)
  writeNew(places.renewal, Buffer.from(`${pair.keyPem}${pair.certPem}`), { temp: places.temp })
  syncDir(places.dir)
  finishTlsRenewal(places)
}

/** Puts a certificate for the key that is there in the place of the old one: one file, so whole by itself. The caller holds the lock. */
export function replaceTlsCertificate(places: TlsPaths, certPem: string): void {
  refuseLinks(places)
  finishTlsRenewal(places)
  replaceFile(places.cert, Buffer.from(certPem), { temp: places.temp })
  syncDir(places.dir)
}

/** Finishes a replacement that was cut short; false where there is none. The caller holds the lock. Throws `io`, `corrupt`. */
export function finishTlsRenewal(places: TlsPaths): boolean {
  const bytes = readIfExists(places.renewal)
  if (bytes === undefined) return false
  const text = Buffer.from(bytes).toString('latin1')
  const [key, cert] = [KEY.exec(text)?.[0], CERTIFICATES.exec(text)?.[0]]
  if (key === undefined || cert === undefined)
    throw new AppError('corrupt', 'tls-renewal-damaged', `${places.renewal}: not a key and a certificate`, {
      hint: `remove ${places.renewal}, then: brine tls renew`,
      details: { path: places.renewal },
    })
  replaceFile(places.key, Buffer.from(key), { temp: places.temp })
  replaceFile(places.cert, Buffer.from(cert), { temp: places.temp })
  syncDir(places.dir)
  removeFile(places.renewal)
  syncDir(places.dir)
  return true
}

/** A link leads to a pair that somebody else looks after. */
function refuseLinks({ key, cert }: TlsPaths): void {
  for (const path of [key, cert])
    if (statIfExists(path)?.isSymbolicLink() === true)
      throw new AppError(
        'rejected',
        'tls-linked',
        `${path} is a symbolic link: whoever keeps what it leads to renews it`,
        {
          hint: 'remove the link first, if the pair is to lie here',
          details: { path },
        },
      )
}
