/**
 * Independent verification of signatures in inspected files: pkijs with @peculiar/webcrypto, which share no code with Brine's own reader.
 * Heavy, so this file must be imported lazily. Never throws on invalid bytes.
 */
import { Crypto } from '@peculiar/webcrypto'
import { fromBER } from 'asn1js'
import { Certificate, ContentInfo, CryptoEngine, type ICryptoEngine, SignedData } from 'pkijs'

export type SecondOpinion = 'valid' | 'invalid' | 'unreadable'

/** A manifest of 100,000 files has 300,000 elements; the library's own limit is 10,000. */
const LIMITS = { maxNodes: 1_000_000, maxDepth: 64, maxContentLength: 16_000_000 }

let engine: ICryptoEngine | undefined

function crypto(): ICryptoEngine {
  engine ??= new CryptoEngine({ name: 'peculiar', crypto: new Crypto() })
  return engine
}

/** Verifies the CMS signature of a signed object under the certificate that it carries (RFC 6488 section 3). */
export async function verifySignedObject(bytes: Uint8Array): Promise<SecondOpinion> {
  return opinion(async () => {
    const info = new ContentInfo({ schema: parsed(bytes) })
    return new SignedData({ schema: info.content }).verify({ signer: 0, checkChain: false }, crypto())
  })
}

/** Verifies the signature of the DER certificate `bytes` under the key of `issuer`, a DER certificate; without one, as self-signed. */
export async function verifyCertificate(bytes: Uint8Array, issuer?: Uint8Array): Promise<SecondOpinion> {
  return opinion(async () => {
    const certificate = new Certificate({ schema: parsed(bytes) })
    const parent = issuer === undefined ? certificate : new Certificate({ schema: parsed(issuer) })
    return certificate.verify(parent, crypto())
  })
}

function parsed(bytes: Uint8Array): unknown {
  const { offset, result } = fromBER(new Uint8Array(bytes).buffer, LIMITS)
  if (offset < 0) throw new TypeError('not BER')
  return result
}

async function opinion(verify: () => Promise<boolean>): Promise<SecondOpinion> {
  try {
    return (await verify()) ? 'valid' : 'invalid'
  } catch {
    return 'unreadable'
  }
}
