/** Reads encoded objects with pkijs and asn1js, which share no code with Brine's writer. */
import { type AsnType, fromBER, type OctetString, type Sequence } from 'asn1js'
import {
  Certificate,
  CertificateRevocationList,
  ContentInfo,
  CryptoEngine,
  type Extension,
  SignedData,
  setEngine,
} from 'pkijs'

/** Returns the one element that fills `bytes`. Throws where there is none or octets follow. */
export function readAsn1(bytes: Uint8Array): AsnType {
  const { offset, result } = fromBER(bytes, { maxNodes: 1e7, maxContentLength: 1e9, maxDepth: 100 })
  if (offset !== bytes.length) throw new Error(`${result.error || 'trailing octets'} (offset ${offset})`)
  return result as AsnType
}

export function readCertificate(bytes: Uint8Array): Certificate {
  return new Certificate({ schema: readAsn1(bytes) })
}

export function readCrl(bytes: Uint8Array): CertificateRevocationList {
  return new CertificateRevocationList({ schema: readAsn1(bytes) })
}

export function readSignedData(bytes: Uint8Array): SignedData {
  const info = new ContentInfo({ schema: readAsn1(bytes) })
  return new SignedData({ schema: info.content })
}

/** Returns the value of an extension as hex and its criticality; undefined where it is absent. */
export function extensionOf(
  extensions: readonly Extension[] | undefined,
  oid: string,
): { readonly critical: boolean; readonly hex: string } | undefined {
  const found = extensions?.find((extension) => extension.extnID === oid)
  if (found === undefined) return undefined
  return { critical: found.critical, hex: Buffer.from(found.extnValue.valueBlock.valueHexView).toString('hex') }
}

export function eContentOf(signedData: SignedData): Uint8Array {
  const content: OctetString | undefined = signedData.encapContentInfo.eContent
  if (content === undefined) throw new Error('no eContent')
  return content.valueBlock.valueHexView
}

export function members(asn: AsnType | undefined): readonly AsnType[] {
  return (asn as Sequence | undefined)?.valueBlock.value ?? []
}

/** Makes pkijs verify with \@peculiar/webcrypto instead of the platform's OpenSSL binding. */
export async function usePeculiarCrypto(): Promise<void> {
  const { Crypto } = await import('@peculiar/webcrypto')
  const crypto = new Crypto()
  setEngine('peculiar', new CryptoEngine({ name: 'peculiar', crypto }))
}
