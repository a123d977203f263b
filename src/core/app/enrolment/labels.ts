/** A label of the configuration, with its profile and group. */
import { AppError } from '../../base/errors.js'
import { didYouMean } from '../../base/nearest.js'
import type { LabelConfig } from '../../config/enrolment/schema.js'
import type { GroupSettings } from '../../ha/settings.js'
import type { CertificateProfile } from '../../pki/profile.js'
import { refuseDisabledLabel } from '../failover/disabled.js'
import { groupsOf } from '../failover/status.js'
import type { Session } from '../session/session.js'

export interface Label {
  readonly config: LabelConfig
  readonly profile: CertificateProfile
  /** The group that serves it; a CA outside of every group is a group of its own. */
  readonly group: GroupSettings
}

/** Returns the label of that name. Throws `est-label-unknown`, `config-section-invalid` (usage). */
export function labelOf(session: Session, name: string): Label {
  refuseDisabledLabel(session, name)
  const { labels, profiles } = session.enrolment
  const config = labels.find((label) => label.name === name)
  if (config === undefined) throw unknownLabel(name, labels)
  const profile = profiles.find((one) => one.name === config.profile)
  const groups = groupsOf(session)
  const group = groups.find((one) =>
    config.group === undefined ? one.caIds.includes(config.caId) : one.name === config.group,
  )
  // a configuration without them does not load
  if (profile === undefined || group === undefined) throw new TypeError(`label ${name} without profile or group`)
  return { config, profile, group }
}

function unknownLabel(name: string, labels: readonly LabelConfig[]): AppError {
  const known = labels.map((label) => label.name)
  return new AppError(
    'usage',
    'est-label-unknown',
    `unknown label ${JSON.stringify(name)}${didYouMean(name, known)}`,
    labels.length === 0
      ? {
          hint: 'uncomment [[ca]] and [[est.label]] in brine.toml, or begin with: brine contrib est.toml; then: brine config check',
        }
      : { hint: `known labels: ${known.join(', ')}` },
  )
}

/** Throws `est-ca-not-member` (usage) for a CA that does not serve the label. */
export function memberOf({ config, group }: Label, ca: string): void {
  if (group.caIds.includes(ca)) return
  throw new AppError('usage', 'est-ca-not-member', `${JSON.stringify(ca)} does not serve the label ${config.name}`, {
    hint: `CAs of the label: ${group.caIds.join(', ')}`,
  })
}

/** Returns true if the key of this CA signs in our own process, so that a certificate that was not recorded was never returned. */
export function signsHere({ enrolment }: Session, ca: string): boolean {
  const backend = enrolment.cas.find(({ id }) => id === ca)?.backend
  return backend === 'file' || backend === 'pkcs11'
}
