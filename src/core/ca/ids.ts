/** ID keys of a CA, and the peers that know each of them. */
import type { KeyId } from '../crypto/ports.js'
import { idCommandsOn, idEventsOn } from '../identity/id-keys.js'
import type { IssuingPorts } from '../issuing/ports.js'
import type { CaState } from './state.js'

export const idEvents = idEventsOn<CaState>()
export const idCommands = idCommandsOn<CaState, IssuingPorts>(peersThatKnow)

/** Returns the peers that know an ID key, as words. A child that does not say which one it knows may know any of them. */
export function peersThatKnow({ parents, repository, children }: CaState, ski: KeyId): readonly string[] {
  const users: string[] = []
  for (const [name, p] of Object.entries(parents))
    if (p.transport === 'rfc6492' && p.contact.id === ski) users.push(`parent ${name}`)
  if (repository?.transport === 'rfc8181' && repository.contact.id === ski) users.push('the repository')
  for (const [name, child] of Object.entries(children))
    if (child.transport === 'rfc6492' && child.id === ski) users.push(`child ${name}`)
  return users
}
