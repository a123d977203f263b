/** What can be asked of a CA: intents, not stored as they are. */
import type { Handle } from '../base/handle.js'
import type { Json } from '../base/json.js'
import type { KeyId } from '../crypto/ports.js'
import type { CommandSummary } from '../eventsourcing/types.js'
import type { ChildRequest, Entitlement } from '../issuing/children.js'
import { toResourceText } from '../resources/resource-set.js'
import { formatRoaPayload } from '../resources/roa-payload.js'
import type { ResourceSet, RoaPayload } from '../resources/types.js'
import type { Parent, ReceivedCertificate, Repository } from './state.js'

export interface RoaAddition {
  readonly payload: RoaPayload
  readonly comment: string | null
}

export type CaCommand =
  | { readonly type: 'ca.add' }
  | { readonly type: 'ca.remove' }
  | { readonly type: 'repository.configure'; readonly repository: Repository }
  | { readonly type: 'parent.add'; readonly parent: Handle; readonly contact: Parent }
  | { readonly type: 'child.add'; readonly child: Handle; readonly resources: ResourceSet }
  | { readonly type: 'child.update'; readonly child: Handle; readonly resources: ResourceSet }
  | { readonly type: 'child.remove'; readonly child: Handle }
  | { readonly type: 'child.certify'; readonly className: string; readonly request: ChildRequest }
  | { readonly type: 'parent.sync'; readonly parent: Handle; readonly entitlements: readonly Entitlement[] }
  | {
      readonly type: 'certificate.receive'
      readonly className: string
      readonly ski: KeyId
      readonly certificate: ReceivedCertificate
    }
  | { readonly type: 'roas.update'; readonly add: readonly RoaAddition[]; readonly remove: readonly RoaPayload[] }
  | { readonly type: 'republish'; readonly force: boolean }
  | { readonly type: 'numbers.raise'; readonly atLeast: number }

/** What history keeps of a command. */
export function summarizeCa(command: CaCommand): CommandSummary {
  return { type: command.type, args: args(command) }
}

function args(command: CaCommand): Json {
  switch (command.type) {
    case 'ca.add':
    case 'ca.remove':
      return {}
    case 'repository.configure':
      return { ...command.repository }
    case 'parent.add':
      return {
        parent: command.parent,
        aggregate: { ...command.contact.aggregate },
        childName: command.contact.childName,
      }
    case 'child.add':
    case 'child.update':
      return { child: command.child, resources: { ...toResourceText(command.resources) } }
    case 'child.remove':
      return { child: command.child }
    case 'child.certify':
      return { class: command.className, child: command.request.child, ski: command.request.ski }
    case 'parent.sync':
      return { parent: command.parent, classes: command.entitlements.map((e) => e.className) }
    case 'certificate.receive':
      return { class: command.className, ski: command.ski, sha256: command.certificate.sha256 }
    case 'roas.update':
      return {
        added: command.add.map((a) => roaText(a)),
        removed: command.remove.map((r) => formatRoaPayload(r)),
      }
    case 'republish':
      return { force: command.force }
    case 'numbers.raise':
      return { atLeast: command.atLeast }
  }
}

function roaText(addition: RoaAddition): string {
  const text = formatRoaPayload(addition.payload)
  return addition.comment === null ? text : `${text} # ${addition.comment}`
}
