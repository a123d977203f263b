/** The backend `file`: the key of the CA is a PEM file. Invariant: the key is read for each signature and not kept. */
import { sign } from 'node:crypto'
import type { FileBackend } from '../config/enrolment/schema.js'
import type { CaBackend } from '../ha/backend.js'
import { schemeOf } from '../pki/algorithms.js'
import { configFault, isKeyOf, readKey } from './files.js'
import type { BackendPorts } from './ports.js'
import { signingBackend, type WithKey } from './signing.js'

/** Creates the backend; files are read when they are needed. */
export function openFileBackend(ca: string, config: FileBackend, ports: BackendPorts): CaBackend {
  const withKey: WithKey = async (certificate, _signal, use) => {
    const key = await readKey(config.caKey)
    if (!isKeyOf(key, certificate))
      throw configFault(
        'ca-key-mismatch',
        `${config.caKey}: not the private key of the certificate in ${config.caCert}`,
      )
    const { asymmetricKeyType, asymmetricKeyDetails } = key
    const scheme = schemeOf(asymmetricKeyType, asymmetricKeyDetails?.namedCurve)
    if (scheme === undefined)
      throw configFault('ca-key-kind', `${config.caKey}: unsupported type of key: ${asymmetricKeyType}`)
    return use({ scheme, sign: async (tbs) => sign(scheme.hash, tbs, key) })
  }
  return signingBackend(ca, config, withKey, ports)
}
