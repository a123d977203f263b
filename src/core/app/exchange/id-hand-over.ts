/**
 * Next commands for an ID key or its certificate: what gives it to a peer. RFC 8183 has no message for it: each peer gets the new certificate
 * in a file, as in the beginning.
 */
import type { Handle } from '../../base/handle.js'
import type { Instant } from '../../base/time.js'
import type { KeyId } from '../../crypto/ports.js'
import type { IdHolder, IdUser } from '../../identity/id-keys.js'
import { expiryLevel } from '../../pki/expiry.js'

/** An ID key with the peers that hold a certificate of it. */
export interface HeldId {
  readonly ski: KeyId
  readonly notAfter: Instant
  readonly newest: boolean
  readonly users: readonly IdHolder[]
}

/** Returns the commands that give a peer a certificate that ends later than the one that it holds. */
export function renewalSteps(ca: Handle | null, ids: readonly HeldId[], holder: IdHolder, now: Instant): string {
  const newest = ids.find((row) => row.newest)
  if (newest === undefined) return addStep(ca)
  const hasLater = newest.notAfter > holder.until && expiryLevel(newest, true, now) === 'ok'
  return [...(hasLater ? [] : [renewStep(ca, newest.ski)]), handOverTo(ca, holder, newest.ski)].join('; ')
}

/** Returns the command for an ID key that no peer uses and whose certificate runs out. */
export function unusedStep(ca: Handle | null, { ski, newest }: Pick<HeldId, 'ski' | 'newest'>): string {
  if (newest) return renewStep(ca, ski)
  return ca === null ? `brine pubserver id retire ${ski}` : `brine ca id retire ${ca} ${ski}`
}

/** Returns the commands that give the peers of a key the newest one; if there is no newer one, first the command that makes it. */
export function handOver(ca: Handle | null, ids: readonly HeldId[], ski: KeyId): string {
  const users = ids.find((row) => row.ski === ski)?.users ?? []
  const newest = ids.find((row) => row.newest && row.ski !== ski)?.ski
  const steps = (['parent', 'repository', 'child', 'publisher'] as const).flatMap((kind) => {
    const first = users.find((user) => user.kind === kind)
    return first === undefined ? [] : [handOverTo(ca, first, newest ?? 'KEY')]
  })
  return [...(newest === undefined ? [addStep(ca)] : []), ...steps].join('; ')
}

function addStep(ca: Handle | null): string {
  return ca === null ? 'brine pubserver id add' : `brine ca id add ${ca}`
}

function renewStep(ca: Handle | null, ski: KeyId): string {
  return ca === null ? `brine pubserver id renew ${ski}` : `brine ca id renew ${ca} ${ski}`
}

function handOverTo(ca: Handle | null, { kind, name }: IdUser, ski: string): string {
  switch (kind) {
    case 'parent':
      return `brine parent request ${ca} ${name}, send it, then brine parent add ${ca} ${name} --response FILE (without a response: brine ca id use ${ca} ${ski} --parent ${name})`
    case 'repository':
      return `brine repo request ${ca}, send it, then brine repo configure ${ca} --response FILE (without a response: brine ca id use ${ca} ${ski} --repository)`
    case 'child':
      return `brine child response ${ca} ${name} --service-uri URI, send it, then brine ca id use ${ca} ${ski} --child ${name}`
    case 'publisher':
      return `brine pubserver publisher response ${name} --service-uri URI, send it, then brine pubserver id use ${ski} --publisher ${name}`
  }
}
