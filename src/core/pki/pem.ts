/** Text around DER (RFC 7468 section 2). */

/** Lines of 64 characters between BEGIN and END, with the last line break. */
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
