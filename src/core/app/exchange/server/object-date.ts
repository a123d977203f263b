/**
 * Dates of objects that publishers elsewhere send: the modification time of the served file, the same on every server and after every rebuild.
 * rsync(1) takes files of one name, size and date for the same, so a version with size and date of the one before it has the time of receipt.
 */
import type { Instant } from '../../../base/time.js'
import { createFindings } from '../../../der/findings.js'
import { parseDer } from '../../../der/reader.js'
import { parseCrl } from '../../../rpki/crl.js'
import { parseSignedObject } from '../../../rpki/signed-object/decode-envelope.js'
import { parseCertificate } from '../../../rpki/x509/decode-certificate.js'

/**
 * Returns the date of an object that replaces `before`: its signing time, of a certificate notBefore, of a CRL thisUpdate. `now` for one without
 * a date, with a date that is still to come, and with that of the version before it.
 */
export function dateOf(name: string, bytes: Uint8Array, before: Uint8Array | undefined, now: Instant): Instant {
  const own = statedDate(name, bytes)
  if (own === undefined || own > now) return now
  const isAlike = before !== undefined && before.length === bytes.length && statedDate(name, before) === own
  return isAlike ? now : own
}

/** Returns the date that an object states about itself; undefined if there is none to be read. Its other content does not matter here. */
function statedDate(name: string, bytes: Uint8Array): Instant | undefined {
  const findings = createFindings()
  const node = parseDer(bytes, findings)
  if (node === undefined) return undefined
  if (name.endsWith('.cer')) return parseCertificate(node, undefined, findings)?.notBefore
  if (name.endsWith('.crl')) return parseCrl(node, findings)?.thisUpdate
  const object = parseSignedObject(node, findings)
  return object?.signingTime ?? object?.ee?.notBefore
}
