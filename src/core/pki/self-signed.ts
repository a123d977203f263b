/** The HTTPS key and certificate that `init` makes for the proxy in front: RSA 2048, self-signed (RFC 5280), built with pkijs. */
import type { Certificate } from 'pkijs'
import type { Random } from '../base/ports.js'
import type { Instant } from '../base/time.js'
import { addSeconds } from '../base/time.js'
import { exportPkcs8, makeKey } from '../crypto/key-maker.js'
import { pkijsEngine, webcrypto } from '../crypto/webcrypto.js'
import { encode, utcOrGeneralized } from '../der/writer.js'
import { pem } from './pem.js'

/** Validity in seconds, ten years: the certificate is for the proxy on this machine and can be replaced by one of a CA. */
export const TLS_SECONDS = 10 * 365 * 86400

export interface TlsPair {
  readonly keyPem: string
  readonly certPem: string
}

/** Makes a key and a certificate for `hosts`, valid from five minutes before `from` until `notAfter`. */
export async function selfSignedTls(
  hosts: readonly string[],
  from: Instant,
  notAfter: Instant,
  random: Random,
): Promise<TlsPair> {
  const [asn1, pkijs, engine, { subtle }] = await Promise.all([
    import('asn1js'),
    import('pkijs'),
    pkijsEngine(),
    webcrypto(),
  ])
  const fresh = await makeKey()
  const pkcs8 = exportPkcs8(fresh.privateKey)
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
  const privateKey = await subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign'])
  const publicKey = await subtle.importKey('spki', fresh.spki, algorithm, true, ['verify'])
  const certificate = new pkijs.Certificate()
  certificate.version = 2
  const serial = random.bytes(16)
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40
  certificate.serialNumber = new asn1.Integer({ valueHex: serial.slice().buffer })
  const name = new pkijs.AttributeTypeAndValue({
    type: '2.5.4.3',
    value: new asn1.Utf8String({ value: hosts[0] ?? 'localhost' }),
  })
  certificate.subject.typesAndValues.push(name)
  certificate.issuer.typesAndValues.push(name)
  certificate.notBefore = pkijs.Time.fromBER(encode(utcOrGeneralized(addSeconds(from, -300))))
  certificate.notAfter = pkijs.Time.fromBER(encode(utcOrGeneralized(notAfter)))
  certificate.extensions = [await subjectAltName(hosts)]
  await certificate.subjectPublicKeyInfo.importKey(publicKey, engine)
  await certificate.sign(privateKey, 'SHA-256', engine)
  return { keyPem: pem('PRIVATE KEY', pkcs8), certPem: pem('CERTIFICATE', derOf(certificate)) }
}

async function subjectAltName(hosts: readonly string[]) {
  const pkijs = await import('pkijs')
  const names = new pkijs.GeneralNames({ names: hosts.map((value) => new pkijs.GeneralName({ type: 2, value })) })
  return new pkijs.Extension({
    extnID: '2.5.29.17',
    critical: false,
    extnValue: names.toSchema().toBER(),
    parsedValue: names,
  })
}

function derOf(certificate: Certificate): Uint8Array {
  return new Uint8Array(certificate.toSchema(true).toBER())
}
