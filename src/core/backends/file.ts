/** The backend `file`: the CA's key is a PEM file. Invariant: the key is read for each signature and kept by nobody. */
import { sign } from 'node:crypto'
import type { FileBackend } from '../config/enrolment/schema.js'
import type { CaBackend } from '../ha/backend.js'
import { schemeOf } from '../pki/algorithms.js'
import { configFault, isKeyOf, readKey } from './files.js'
import type { BackendPorts } from './ports.js'
import { signingBackend, type WithKey } from './signing.js'

/** Opens nothing yet: files are read when something is asked for. */
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
      throw configFault('ca-key-kind', `${config.caKey}: nothing is signed with a key of the kind ${asymmetricKeyType}`)
    return use({ scheme, sign: async (tbs) => sign(scheme.hash, tbs, key) })
  }
  return signingBackend(ca, config, withKey, ports)
}
