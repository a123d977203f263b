/** Compares the notification of a server with what was published. Pure. */
import type { Instant } from '../base/time.js'
import type { RrdpNotification } from '../protocols/rrdp.js'
import type { PubdState } from '../pubd/state.js'
import type { RrdpRecord } from '../publication/writer-records.js'
import type { ServedPart } from './served-part.js'

export interface Published {
  readonly state: PubdState
  /** Hashes of the files of a serial; undefined if they are unknown. */
  readonly record: RrdpRecord | undefined
}

/** Returns what a server serves, by its notification alone. */
export function judgeRrdp(said: RrdpNotification, { state, record }: Published): ServedPart {
  const { session, serial } = said
  const served = { session, serial, behind: null, since: null }
  const elsewhere = [said.snapshot, ...said.deltas].find(({ uri }) => !uri.startsWith(state.rrdpBase))
  if (elsewhere !== undefined)
    return {
      ...served,
      state: 'differs',
      findings: [`names a file that is not below ${state.rrdpBase}: ${elsewhere.uri}`],
    }
  if (session !== state.sessionId) {
    const findings = [`serves RRDP session ${session}, published is ${state.sessionId}`]
    return { ...served, state: 'differs', since: sessionSince(state), findings }
  }
  if (serial > state.serial)
    return { ...served, state: 'ahead', findings: [`serves serial ${serial}, published is ${state.serial}`] }
  const other = otherFile(said, { state, record })
  if (other !== undefined) return { ...served, state: 'differs', findings: [other] }
  return lagOf(session, serial, state)
}

/** Returns a part that serves a published version, with how far it is behind. */
export function lagOf(session: string, serial: number, state: PubdState): ServedPart {
  const behind = state.serial - serial
  if (behind === 0) return { state: 'ok', session, serial, behind: 0, since: null, findings: [] }
  const since = publishedAt(state, serial + 1)
  return {
    state: 'behind',
    session,
    serial,
    behind,
    since,
    findings: [`serves serial ${serial}, published is ${state.serial}`],
  }
}

/** Returns when a serial was published; if its delta is gone, the time of the oldest one that is left. */
function publishedAt({ deltas, updatedAt }: PubdState, serial: number): Instant | null {
  const delta = deltas.find((one) => one.serial === serial) ?? deltas.at(-1)
  return delta?.at ?? (updatedAt === '' ? null : updatedAt)
}

/** Returns since when the session exists, as far as the deltas reach. */
function sessionSince(state: PubdState): Instant | null {
  return publishedAt(state, 1)
}

/** Returns the first file that has another hash than the one of this name that was published. */
function otherFile(said: RrdpNotification, { state, record }: Published): string | undefined {
  if (record === undefined || record.session !== state.sessionId) return undefined
  const hashes = new Map([record.snapshot, ...record.deltas].map(({ path, sha256 }) => [state.rrdpBase + path, sha256]))
  for (const { uri, sha256 } of [said.snapshot, ...said.deltas]) {
    const expected = hashes.get(uri)
    if (expected !== undefined && expected !== sha256) return `names ${uri} with another hash than published`
  }
  if (said.serial !== record.serial || record.serial !== state.serial) return undefined
  const uris = [said.snapshot, ...said.deltas].map(({ uri }) => uri)
  const missing = [...hashes.keys()].find((uri) => !uris.includes(uri))
  if (missing !== undefined) return `does not name ${missing}`
  const strange = uris.find((uri) => !hashes.has(uri))
  return strange === undefined ? undefined : `names ${strange}, which was not published`
}
