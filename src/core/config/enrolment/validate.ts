/** Rules between the enrolment sections: unknown names, groups that cannot serve, inconsistent times. */

import { weightOf } from '../../ha/select.js'
import type { GroupSettings } from '../../ha/settings.js'
import type { PlacedFault } from '../tables.js'
import type { Enrolment, LabelConfig } from './schema.js'

/** Returns the findings for which the configuration is refused. */
export function validateEnrolment(e: Enrolment): readonly PlacedFault[] {
  return [
    ...timeFaults(e),
    ...duplicates(e),
    ...e.groups.flatMap((group, n) => groupFaults(e, group, n)),
    ...e.labels.flatMap((label, n) => labelFaults(e, label, n)),
    ...defaultLabelFaults(e),
    ...crlPathFaults(e),
  ]
}

function timeFaults({ breaker, attemptTimeout, requestDeadline }: Enrolment): readonly PlacedFault[] {
  const found: PlacedFault[] = []
  const { checkTimeout, checkInterval, recoveryTimeout, recoveryTimeoutMax } = breaker
  if (checkTimeout >= checkInterval)
    found.push(
      at(
        ['ha', 'check_timeout'],
        `check_timeout (${checkTimeout} s) must be below check_interval (${checkInterval} s)`,
      ),
    )
  if (recoveryTimeoutMax < recoveryTimeout)
    found.push(
      at(
        ['ha', 'recovery_timeout'],
        `recovery_timeout (${recoveryTimeout} s) must be at most recovery_timeout_max (${recoveryTimeoutMax} s)`,
      ),
    )
  if (attemptTimeout > requestDeadline)
    found.push(
      at(
        ['ha', 'attempt_timeout'],
        `attempt_timeout (${attemptTimeout} s) must be at most request_deadline (${requestDeadline} s)`,
      ),
    )
  return found
}

/** Returns a finding for every repeated name. */
function duplicates(e: Enrolment): readonly PlacedFault[] {
  const kinds: readonly (readonly [readonly string[], readonly string[], string])[] = [
    [['ca'], e.cas.map((ca) => ca.id), 'CA'],
    [['ha', 'group'], e.groups.map((group) => group.name), 'group'],
    [['est', 'label'], e.labels.map((label) => label.name), 'label'],
  ]
  return kinds.flatMap(([table, names, what]) =>
    names.flatMap((name, n) =>
      name === '' || names.indexOf(name) === n
        ? []
        : [at([...table, n], `${what} ${JSON.stringify(name)} is defined twice`)],
    ),
  )
}

function groupFaults(e: Enrolment, group: GroupSettings, n: number): readonly PlacedFault[] {
  const place = ['ha', 'group', n] as const
  const found: PlacedFault[] = []
  const name = JSON.stringify(group.name)
  if (group.caIds.length === 0)
    found.push(at([...place, 'ca_ids'], `group ${name} has no CA: ca_ids needs at least one`))
  for (const [index, ca] of group.caIds.entries()) {
    if (group.caIds.indexOf(ca) !== index)
      found.push(at([...place, 'ca_ids'], `CA ${JSON.stringify(ca)} is listed twice in group ${name}`))
    else if (!e.cas.some(({ id }) => id === ca))
      found.push({ ...at([...place, 'ca_ids'], `unknown CA ${JSON.stringify(ca)} in group ${name}`), about: ca })
  }
  for (const ca of Object.keys(group.weights))
    if (!group.caIds.includes(ca))
      found.push(at([...place, 'weights'], `weight for ${JSON.stringify(ca)}, which is not a member of group ${name}`))
  if (group.strategy === 'weighted' && group.caIds.length > 0 && group.caIds.every((ca) => weightOf(group, ca) === 0))
    found.push(at([...place, 'weights'], `all weights of group ${name} are 0: no CA could serve`))
  return found
}

/** Returns a finding for every file that two CAs would keep their CRL in. */
function crlPathFaults({ cas }: Enrolment): readonly PlacedFault[] {
  const paths = cas.map((ca) => ('crlPath' in ca ? ca.crlPath : undefined))
  return cas.flatMap(({ id, backend }, n) => {
    const first = cas[paths.indexOf(paths[n])]
    if (paths[n] === undefined || first === undefined || first.id === id) return []
    return [
      at(['ca', n, backend, 'crl_path'], `crl_path of ${id} is the one of ${first.id}: each CA has a CRL of its own`),
    ]
  })
}

function defaultLabelFaults({ defaultLabel, labels }: Enrolment): readonly PlacedFault[] {
  if (defaultLabel === undefined || labels.some(({ name }) => name === defaultLabel)) return []
  return [at(['est', 'default_label'], `unknown label ${JSON.stringify(defaultLabel)}: define it in [[est.label]]`)]
}

function labelFaults(e: Enrolment, label: LabelConfig, n: number): readonly PlacedFault[] {
  const place = ['est', 'label', n] as const
  const found: PlacedFault[] = []
  const name = JSON.stringify(label.name)
  if (label.caId !== '' && !e.cas.some(({ id }) => id === label.caId))
    found.push({
      ...at([...place, 'ca_id'], `unknown CA ${JSON.stringify(label.caId)} in label ${name}`),
      about: label.caId,
    })
  if (!e.profiles.some((profile) => profile.name === label.profile))
    found.push({
      ...at(
        [...place, 'profile'],
        `unknown profile ${JSON.stringify(label.profile)} in label ${name}: define it in [[est.profile]]`,
      ),
      about: label.profile,
    })
  found.push(...authFaults(label, place))
  const groups = e.groups.filter((group) => group.caIds.includes(label.caId)).map((group) => group.name)
  if (label.group === undefined && groups.length > 1)
    found.push(
      at(
        [...place, 'ca_id'],
        `label ${name}: ${label.caId} is in the groups ${groups.join(' and ')}; select one with group`,
      ),
    )
  if (label.group !== undefined && !groups.includes(label.group))
    found.push({
      ...at(
        [...place, 'group'],
        `label ${name}: ${label.caId} is not a member of group ${JSON.stringify(label.group)}`,
      ),
      about: label.group,
    })
  return found
}

/** Checks that `client_ca` is set if and only if the label accepts client certificates. */
function authFaults(
  { name, auth, clientCa, clientCrl }: LabelConfig,
  place: PlacedFault['place'],
): readonly PlacedFault[] {
  const isWanted = auth.includes('certificate')
  const label = JSON.stringify(name)
  if (isWanted === (clientCa !== undefined)) {
    if (isWanted || clientCrl === undefined || auth.length > 0) return []
    return [at([...place, 'client_crl'], `label ${label}: client_crl is used only by a label with auth`)]
  }
  return isWanted
    ? [
        at(
          [...place, 'auth'],
          `label ${label}: auth by certificate needs client_ca, a PEM file of the CAs of its clients`,
        ),
      ]
    : [at([...place, 'client_ca'], `label ${label}: client_ca is used only if auth has certificate`)]
}

function at(place: PlacedFault['place'], message: string): PlacedFault {
  return { place, message }
}
