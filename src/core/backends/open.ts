/** Opens the backend of a `[[ca]]`; each kind of backend is loaded lazily. */
import type { CaConfig } from '../config/enrolment/schema.js'
import type { CaBackend } from '../ha/backend.js'
import type { BackendPorts } from './ports.js'

/** Returns the backend of a CA; reads no file and calls no CA yet. */
export async function openBackend(config: CaConfig, ports: BackendPorts): Promise<CaBackend> {
  switch (config.backend) {
    case 'file':
      return (await import('./file.js')).openFileBackend(config.id, config, ports)
    case 'cfssl':
      return (await import('./cfssl.js')).openCfsslBackend(config.id, config, ports)
    case 'est':
      return (await import('./est.js')).openEstBackend(config.id, config, ports)
    case 'dogtag':
      return (await import('./dogtag/dogtag.js')).openDogtagBackend(config.id, config, ports)
    case 'pkcs11':
      return (await import('./token/pkcs11.js')).openPkcs11Backend(config.id, config, ports)
  }
}
