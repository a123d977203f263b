/** Refusals of sections that have a fault in `brine.toml`: a command that needs one ends with the reason, all others run. */
import { AppError } from '../../base/errors.js'
import type { Session } from '../session/session.js'

type Configured = Pick<Session, 'enrolment' | 'configPath'>

/** Throws `config-section-invalid` (usage) if `[ha]` has a fault, or a CA of this name. */
export function refuseDisabledCas(session: Configured, cas: readonly string[]): void {
  const { all, cas: reasons } = session.enrolment.disabled
  if (all !== null) throw disabled(session, 'the enrolment CAs cannot be used', all)
  for (const id of cas) {
    const why = reasons.get(id)
    if (why !== undefined) throw disabled(session, `the CA ${JSON.stringify(id)} cannot be used`, why)
  }
  const [first] = reasons
  if (session.enrolment.cas.length === 0 && first !== undefined)
    throw disabled(session, `the CA ${JSON.stringify(first[0])} cannot be used`, first[1])
}

/** Throws `config-section-invalid` (usage) for a label that has a fault, or whose profile, group or CA has one. */
export function refuseDisabledLabel(session: Configured, label: string): void {
  const why = session.enrolment.disabled.labels.get(label)
  if (why !== undefined) throw disabled(session, `the label ${JSON.stringify(label)} cannot be used`, why)
}

function disabled({ configPath }: Configured, what: string, why: string): AppError {
  return new AppError('usage', 'config-section-invalid', `${what}: ${configPath}, ${why}`, {
    hint: 'correct the file, then run: brine config check',
  })
}
