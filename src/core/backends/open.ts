/** Opens the backend that a `[[ca]]` names; each kind is loaded where it is used. */
import { AppError } from '../base/errors.js'
import type { CaConfig } from '../config/enrolment.js'
import type { CaBackend } from '../ha/backend.js'
import type { BackendPorts } from './ports.js'

/** Reads no file and asks nobody yet. Throws `ca-backend-missing` (usage) for a kind that this version cannot talk to. */
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
    default:
      throw new AppError(
        'usage',
        'ca-backend-missing',
        `this version cannot talk to a CA of the kind ${config.backend}, which [[ca]] ${config.id} names`,
        { hint: 'use one of the kinds file, dogtag, cfssl, est', details: { ca: config.id, backend: config.backend } },
      )
  }
}
