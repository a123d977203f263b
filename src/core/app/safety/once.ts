/** Notices and data of one command: a use case runs several times, and says and reads everything once. */
import type { RoutingData } from '../routing/data.js'
import type { Session } from '../session/session.js'

interface Known {
  readonly said: Set<string>
  readonly data: Map<string, Promise<RoutingData | undefined>>
}

const known = new WeakMap<Session, Known>()

function knownBy(session: Session): Known {
  const found = known.get(session) ?? { said: new Set(), data: new Map() }
  known.set(session, found)
  return found
}

/** Reports a notice unless the command has given the same before. */
export function noteOnce(session: Session, text: string): void {
  const { said } = knownBy(session)
  if (!said.has(text)) session.options.onNotice?.(text)
  said.add(text)
}

/** Returns what `read` returned first for this key. */
export function dataOnce(
  session: Session,
  key: string,
  read: () => Promise<RoutingData | undefined>,
): Promise<RoutingData | undefined> {
  const { data } = knownBy(session)
  const found = data.get(key) ?? read()
  data.set(key, found)
  return found
}
