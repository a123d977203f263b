/** The ID certificate of a peer from a file that an operator has: of RFC 8183, DER, PEM or base64. */
import { readIdCertificate } from '../cms/id-certificate.js'
import type { IdCertificate } from '../cms/types.js'
import { ProtocolFault } from '../fault.js'
import { decodeSetup } from '../setup/decode.js'
import { recognize } from './recognize.js'

/** Returns the ID certificate in a file. Throws a ProtocolFault for any other file. */
export function readPeerFile(bytes: Uint8Array): IdCertificate {
  const it = recognize(bytes, '')
  if (it?.kind === 'xml' && it.protocol === 'rfc8183') {
    const message = decodeSetup(bytes)
    if (message.kind === 'error') throw new ProtocolFault('RFC 8183 section 5.4', 'an error has no ID certificate')
    return readIdCertificate(message.id)
  }
  if (it?.kind === 'cms' || it?.kind === 'xml')
    throw new ProtocolFault('RFC 8183 section 4', 'a message has no ID certificate of its sender')
  return readIdCertificate(it?.kind === 'id-certificate' ? it.der : bytes)
}
