/** Opens the CAs of the configuration behind the port that probes and enrolments use. */
import { resolve } from 'node:path'
import { openBackend } from '../../backends/open.js'
import { AppError } from '../../base/errors.js'
import { systemRandom } from '../../crypto/random.js'
import type { CaBackend } from '../../ha/backend.js'
import type { Session } from '../session/session.js'
import { refuseDisabledCas } from './disabled.js'

/** Opens the backend of a CA. Throws `ha-ca-unknown`, `config-section-invalid` (usage). */
export async function backendOf(session: Session, id: string): Promise<CaBackend> {
  refuseDisabledCas(session, [id])
  const config = session.enrolment.cas.find((ca) => ca.id === id)
  if (config === undefined) throw new AppError('usage', 'ha-ca-unknown', `unknown CA ${JSON.stringify(id)}`)
  const lockFolder = resolve(session.store.dir, 'locks')
  return openBackend(config, { clock: { now: session.now }, random: systemRandom, lockFolder })
}
