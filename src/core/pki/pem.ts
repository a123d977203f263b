/** PEM encoding (RFC 7468 section 2). */

/** Encodes DER as PEM with lines of 64 characters and a final line break. */
export function pem(
  label: 'CERTIFICATE' | 'CERTIFICATE REQUEST' | 'X509 CRL' | 'PRIVATE KEY',
  der: Uint8Array,
): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
