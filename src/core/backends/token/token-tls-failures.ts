/** Translates the output of openssl(1) for a failed connection into the error codes of Node, which http-faults.ts classifies. Pure. */

export interface TunnelFailure {
  /** The key could not be used, or the network or the peer failed. */
  readonly kind: 'engine' | 'connection'
  readonly error: Error
  readonly text: string
}

/** X509_V_ERR of OpenSSL. */
const VERIFY: Readonly<Record<string, string>> = {
  9: 'CERT_NOT_YET_VALID',
  10: 'CERT_HAS_EXPIRED',
  18: 'DEPTH_ZERO_SELF_SIGNED_CERT',
  19: 'SELF_SIGNED_CERT_IN_CHAIN',
  20: 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  21: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  62: 'ERR_TLS_CERT_ALTNAME_INVALID',
  64: 'ERR_TLS_CERT_ALTNAME_INVALID',
}
/** errno of Linux. */
const ERRNO: Readonly<Record<string, string>> = {
  101: 'ENETUNREACH',
  104: 'ECONNRESET',
  110: 'ETIMEDOUT',
  111: 'ECONNREFUSED',
  113: 'EHOSTUNREACH',
}

/** Returns the failure in the output; undefined if there is none. */
export function failureOf(output: string): TunnelFailure | undefined {
  const engine = /^(?:Could not read client certificate private key|Invalid engine|Login failed).*|engine routines:.*/m
  // a missing engine is reported before any other failure
  const unusable = engine.exec(output)
  if (unusable !== null && !output.includes('CONNECTION ESTABLISHED'))
    return failed('engine', reasonOf(output), 'EPROTO')
  const verify = /verify error:num=(\d+):([^\n]*)/.exec(output)
  if (verify !== null) return failed('connection', verify[2] ?? '', VERIFY[verify[1] ?? ''] ?? `CERT_${verify[1]}`)
  const alert = /(?:^|:)((?:sslv3|tlsv1|tlsv13|tls) alert [a-z ]+)/m.exec(output)
  if (alert !== null) return failed('connection', alert[1] ?? '', `ERR_SSL_${code(alert[1] ?? '')}`)
  const errno = /(?:errno[=:]|system library:[^\n]*:)(\d+)/.exec(output)?.[1] ?? ''
  if (ERRNO[errno] !== undefined) return failed('connection', ERRNO[errno], ERRNO[errno])
  if (/Connection refused/.test(output)) return failed('connection', 'refused', 'ECONNREFUSED')
  if (/Temporary failure in name resolution/.test(output)) return failed('connection', 'DNS', 'EAI_AGAIN')
  if (/Name or service not known|No address associated/.test(output)) return failed('connection', 'DNS', 'ENOTFOUND')
  const ssl = /:SSL routines:[^:]*:([a-z0-9 ]+)/i.exec(output)
  // a peer that closes without close_notify is not a TLS failure
  if (ssl !== null && !/unexpected eof/.test(output))
    return failed('connection', ssl[1] ?? '', `ERR_SSL_${code(ssl[1] ?? '')}`)
  return ssl === null ? undefined : failed('connection', 'cut off', 'ECONNRESET')
}

function reasonOf(output: string): string {
  const reasons = [...output.matchAll(/:error:[0-9A-F]+:[^:]*:[^:]*:([^:\n]+)/g)].map(([, reason]) => reason ?? '')
  return reasons[0] ?? 'the engine pkcs11 failed'
}

function code(text: string): string {
  return text.trim().toUpperCase().replaceAll(' ', '_')
}

function failed(kind: TunnelFailure['kind'], text: string, errorCode: string): TunnelFailure {
  return { kind, text, error: Object.assign(new Error(text), { code: errorCode }) }
}
