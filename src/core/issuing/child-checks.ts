/** Checks of the commands on children: what may be added, changed, certified and revoked. Pure. */
import type { Violation } from '../base/errors.js'
import type { Handle } from '../base/handle.js'
import { entry, type Table } from '../base/record.js'
import { containsSet, difference, formatResources, toResourceText } from '../resources/resource-set.js'
import type { ResourceSet } from '../resources/types.js'
import type { Child, ChildRequest, Withdrawal } from './children.js'
import { knownCertificates } from './suspension.js'

/** Returns the violations of adding a child. `held` are the resources of the issuer's certificate. */
export function checkChildAdd(
  children: Table<Child>,
  name: Handle,
  resources: ResourceSet,
  held: ResourceSet,
): readonly Violation[] {
  if (entry(children, name) !== undefined)
    return [
      {
        code: 'child-duplicate',
        message: `a child ${name} exists already: brine child update changes its resources, brine parent add ${name} makes it hold them`,
      },
    ]
  return checkHeld(name, resources, held)
}

/** Returns the violations of changing a child's resources. */
export function checkChildUpdate(
  children: Table<Child>,
  name: Handle,
  resources: ResourceSet,
  held: ResourceSet,
): readonly Violation[] {
  if (entry(children, name) === undefined) return [unknownChild(name)]
  return checkHeld(name, resources, held)
}

export function unknownChild(name: Handle): Violation {
  return { code: 'child-unknown', message: `there is no child ${name}` }
}

/** RFC 7607: no CA has AS 0, and validators refuse a certificate that lists it. A range that begins with 0 is how `all` is written. */
function checkAsZero(name: Handle, { asn }: ResourceSet): readonly Violation[] {
  if (!asn.some(({ min, max }) => min === 0 && max === 0)) return []
  return [{ code: 'child-as-zero', message: `child ${name}: AS0 is reserved and cannot be a resource (RFC 7607)` }]
}

function checkHeld(name: Handle, resources: ResourceSet, held: ResourceSet): readonly Violation[] {
  const zero = checkAsZero(name, resources)
  if (zero.length > 0) return zero
  if (containsSet(held, resources)) return []
  const beyond = difference(resources, held)
  const text = formatResources(beyond)
  return [
    {
      code: 'child-not-held',
      message: `child ${name}: this CA does not hold ${text.length > 200 ? `${text.slice(0, 200)}...` : text}`,
      details: { ...toResourceText(beyond) },
    },
  ]
}

/** Returns the violations of revoking a key of a child (RFC 6492 section 3.5). */
export function checkChildRevoke(children: Table<Child>, { child: name, ski }: Withdrawal): readonly Violation[] {
  const child = entry(children, name)
  if (child === undefined) return [unknownChild(name)]
  if (entry(knownCertificates(child), ski) !== undefined) return []
  return [{ code: 'child-key-unknown', message: `child ${name} has no certificate for key ${ski}` }]
}

/** Returns the violations of keys that one command certifies: no two children may have the same. */
export function checkDistinctKeys(requests: readonly ChildRequest[]): readonly Violation[] {
  const owners = new Map<string, Handle>()
  return requests.flatMap(({ child, ski }) => {
    const owner = owners.get(ski)
    owners.set(ski, owner ?? child)
    return owner === undefined || owner === child ? [] : [keyReuse(ski, owner)]
  })
}

function keyReuse(ski: string, owner: string): Violation {
  return { code: 'child-key-reuse', message: `key ${ski} is already certified for child ${owner}` }
}

/**
 * Returns the violations of a request's key: it must not be the key of another child, nor stand for another public key. A handle alone does not
 * prove who asks.
 */
export function checkChildKey(children: Table<Child>, { child, ski, spki }: ChildRequest): readonly Violation[] {
  for (const [name, other] of Object.entries(children)) {
    const known = entry(knownCertificates(other), ski)
    if (known === undefined) continue
    if (name !== child) return [keyReuse(ski, name)]
    if (known.spki !== spki)
      return [
        { code: 'child-key-differs', message: `key ${ski} of child ${child} is certified with another public key` },
      ]
  }
  return []
}
