/** The subject that a parent chose for a CA's certificate (RFC 6487 section 4.5): the issuer name of everything that the CA signs under it. */
import { equalBytes, toBase64 } from '../../base/bytes.js'
import type { KeyId } from '../../crypto/ports.js'
import { createFindings } from '../../der/findings.js'
import { parseDer } from '../../der/reader.js'
import { encode } from '../../der/writer.js'
import { parseCertificate } from './decode-certificate.js'
import { commonName } from './encode-parts.js'

/** Returns base64 of the DER Name; undefined where it is the common name of this key identifier, and where the certificate cannot be read. */
export function chosenSubject(certificate: Uint8Array, ski: KeyId): string | undefined {
  const findings = createFindings()
  const node = parseDer(certificate, findings)
  const name = node === undefined ? undefined : parseCertificate(node, 'ca', findings)?.subject?.der
  return name === undefined || equalBytes(name, encode(commonName(ski))) ? undefined : toBase64(name)
}
