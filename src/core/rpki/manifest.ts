/** Manifest contents (RFC 9286 section 4.2): version absent, GeneralizedTime with whole seconds, files sorted by name. */

import { bits, encode, generalized, ia5, oid, seq, seqOf } from '../der/writer.js'
import type { ManifestContent, ManifestFile } from './types.js'
import { limitedNumber } from './x509/encode-certificate.js'
import { OID_SHA256 } from './x509/oids.js'

/** RFC 9286 section 4.2.2: one dot and a three-letter extension. */
const FILE_NAME = /^[A-Za-z0-9_-]+\.[a-z]{3}$/

/**
 * The DER eContent. Throws a TypeError for times reversed, a number outside 0 to 2^159 - 1, no files,
 * a name that is twice or against section 4.2.2, a hash that is not 32 octets.
 */
export function encodeManifest(content: ManifestContent): Uint8Array {
  if (content.thisUpdate >= content.nextUpdate)
    throw new TypeError(`thisUpdate ${content.thisUpdate} is not before nextUpdate ${content.nextUpdate}`)
  const files = sortedFiles(content.files)
  return encode(
    seq(
      limitedNumber('manifest number', content.number, 0n),
      generalized(content.thisUpdate),
      generalized(content.nextUpdate),
      oid(OID_SHA256),
      seqOf(files.map(({ name, sha256 }) => seq(ia5(name), bits(sha256)))),
    ),
  )
}

/** In the order of the octets of their names. */
function sortedFiles(files: readonly ManifestFile[]): readonly ManifestFile[] {
  if (files.length === 0) throw new TypeError('a manifest without files: it lists at least the CRL')
  const sorted = [...files].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  sorted.forEach(({ name, sha256 }, i) => {
    if (!FILE_NAME.test(name)) throw new TypeError(`not a manifest file name: ${JSON.stringify(name)}`)
    if (name === sorted[i - 1]?.name) throw new TypeError(`manifest file named twice: ${name}`)
    if (sha256.length !== 32) throw new TypeError(`the hash of ${name} has ${sha256.length} octets, not 32`)
  })
  return sorted
}
