/** Opens the backend that a `[[ca]]` names; each kind is loaded where it is used. */
import type { CaConfig } from '../config/enrolment/schema.js'
import type { CaBackend } from '../ha/backend.js'
import type { BackendPorts } from './ports.js'

/** Reads no file and asks nobody yet. */
export async function openBackend(config: CaConfig, ports: BackendPorts): Promise<CaBackend> {
  switch (config.backend) {
    case 'file':
      return (await import('./file.js')).openFileBackend(config.id, config, ports)
    case 'cfssl':
      return (await import('./cfssl.js')).openCfsslBackend(config.id, config, ports)
    case 'est':
      return (await import('./est.js')).openEstBackend(config.id, config, ports)
    case 'dogtag':
      return (await import('./dogtag.js')).openDogtagBackend(config.id, config, ports)
    case 'pkcs11':
      return (await import('./pkcs11.js')).openPkcs11Backend(config.id, config, ports)
  }
}
