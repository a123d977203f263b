/**
 * Division of a delta (RFC 8181 section 2.2) that is larger than a server accepts into several, each of which is carried out as a whole.
 * Invariant: after each of them every manifest that is published names only what is there, in the version that it names. Pure.
 */
import type { Pdu } from '../../../protocols/publication/types.js'

/** PDUs of one message, with their length in it. */
export interface DeltaPart {
  readonly pdus: readonly Pdu[]
  /** Octets. */
  readonly size: number
}

/**
 * Divides a delta into messages of at most `maxBytes`; one that fits stays as it is. New objects come first: no manifest names them yet. Then
 * manifests and CRLs, new or withdrawn, with every replaced object in one message, or, if that is too long, whole folders, which are the
 * resource classes. Last is withdrawn what no manifest names any more. A part is longer than `maxBytes` only if it cannot be divided: one PDU,
 * or one folder.
 */
export function splitDelta(pdus: readonly Pdu[], maxBytes: number, sizeOf: (pdu: Pdu) => number): readonly DeltaPart[] {
  const part = (some: readonly Pdu[]): DeltaPart => ({
    pdus: some,
    size: some.reduce((sum, pdu) => sum + sizeOf(pdu), 0),
  })
  const alone = (pdu: Pdu): DeltaPart => part([pdu])
  const whole = part(pdus)
  if (pdus.length === 0) return []
  if (whole.size <= maxBytes) return [whole]
  const of = (step: Step): readonly Pdu[] => pdus.filter((pdu) => stepOf(pdu) === step)
  const switched = part(of('switch'))
  const units = [
    ...of('add').map(alone),
    ...(switched.size <= maxBytes ? [switched] : byFolder(switched.pdus).map(part)),
    ...of('withdraw').map(alone),
  ]
  return packed(
    units.filter((unit) => unit.pdus.length > 0),
    maxBytes,
  )
}

/** Returns the URI of the folder of an object, with the slash at its end. */
export function folderOf(uri: string): string {
  return uri.slice(0, uri.lastIndexOf('/') + 1)
}

function byFolder(pdus: readonly Pdu[]): readonly (readonly Pdu[])[] {
  const folders = new Map<string, Pdu[]>()
  for (const pdu of pdus) {
    const folder = folderOf(pdu.uri)
    const of = folders.get(folder)
    if (of === undefined) folders.set(folder, [pdu])
    else of.push(pdu)
  }
  return [...folders.values()]
}

type Step = 'add' | 'switch' | 'withdraw'

function stepOf({ kind, uri, hash }: Pdu): Step {
  // a manifest that is withdrawn may name what is replaced
  if (/\.(?:mft|crl)$/i.test(uri)) return 'switch'
  if (kind === 'withdraw') return 'withdraw'
  return hash === undefined ? 'add' : 'switch'
}

/** Joins neighbours while they fit in one message. */
function packed(units: readonly DeltaPart[], maxBytes: number): readonly DeltaPart[] {
  const messages: { pdus: Pdu[]; size: number }[] = []
  for (const { pdus, size } of units) {
    const last = messages.at(-1)
    if (last === undefined || last.size + size > maxBytes) messages.push({ pdus: [...pdus], size })
    else {
      last.pdus.push(...pdus)
      last.size += size
    }
  }
  return messages
}
