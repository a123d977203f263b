/** The backend `pkcs11`: the key of the CA is in a token. Invariant: the key never leaves it, and each signature has its own login. */
import type { Pkcs11Backend } from '../../config/enrolment/schema.js'
import type { CaBackend } from '../../ha/backend.js'
import type { BackendPorts } from '../ports.js'
import { signingBackend, type WithKey } from '../signing.js'
import { withTokenKey } from './token-key.js'

/** Creates the backend; the token is opened when it is needed. */
export function openPkcs11Backend(ca: string, config: Pkcs11Backend, ports: BackendPorts): CaBackend {
  const key = { ...config, certFile: config.caCert }
  const withKey: WithKey = (certificate, signal, use) => withTokenKey(key, certificate, ports, signal, use)
  return signingBackend(ca, config, withKey, ports)
}
