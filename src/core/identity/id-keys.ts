/**
 * ID keys: the business keys by which a CA or a publication server signs messages (RFC 8183 section 5, the BPKI trust anchor).
 * The newest one is offered in new exchanges; a peer keeps the one that it knows until it has been given another.
 */
import { toBase64 } from '../base/bytes.js'
import type { Violation } from '../base/errors.js'
import type { Handle } from '../base/handle.js'
import type { Clock, Random } from '../base/ports.js'
import { isKeyId, isText, isTime } from '../base/shape.js'
import { addSeconds, type Instant } from '../base/time.js'
import type { KeyId, Signer } from '../crypto/ports.js'
import { commandsOn, type EventOf, eventsOn } from '../eventsourcing/declare.js'

/** Validity of an ID certificate: RIPE checks its dates, and its renewal is an exchange by hand at each peer. */
const VALID_SECONDS = 15 * 365 * 86_400

/** STORED. */
export interface IdKey {
  readonly ski: KeyId
  /** Base64 SubjectPublicKeyInfo. */
  readonly spki: string
  /** Base64 DER of the self-signed ID certificate. */
  readonly certificate: string
  readonly notAfter: Instant
  /** End of its first certificate, if it was renewed: peers without a recorded end hold that one. */
  readonly firstUntil?: Instant
}

/** The part of a state that holds ID keys, newest last; left out: none was made yet. */
export interface WithIds {
  readonly ids?: readonly IdKey[]
}

export interface IdPorts {
  readonly clock: Clock
  readonly random: Random
  readonly signer: Signer
}

/** A peer that knows an ID key of ours. */
export interface IdUser {
  readonly kind: 'parent' | 'repository' | 'child' | 'publisher'
  /** Our name for it; null for the repository of a CA, which has one. */
  readonly name: Handle | null
}

/** A peer that holds a certificate of an ID key of ours. */
export interface IdHolder extends IdUser {
  /** End of the certificate that it holds. */
  readonly until: Instant
}

/** Returns `parent registry`, `the repository`. */
export function formatIdUser({ kind, name }: IdUser): string {
  return name === null ? `the ${kind}` : `${kind} ${name}`
}

/** Returns the ID keys, newest last. */
export function idsOf({ ids }: WithIds): readonly IdKey[] {
  return ids ?? []
}

/** Returns the ID key for new exchanges; undefined before the first was made. */
export function newestId(state: WithIds): IdKey | undefined {
  return idsOf(state).at(-1)
}

/** Returns the ID key with this key identifier. */
export function idKey(state: WithIds, ski: KeyId): IdKey | undefined {
  return idsOf(state).find((id) => id.ski === ski)
}

/**
 * Returns the end to record with a peer that holds a certificate of a key until `until`, by default the one that the key has now; nothing for
 * the first certificate of a key.
 */
export function untilToRecord(id: IdKey, until: Instant = id.notAfter): { readonly idUntil?: Instant } {
  return id.firstUntil === undefined || until === id.firstUntil ? {} : { idUntil: until }
}

/** Returns when the certificate ends that a peer holds of a key. `recorded` is the end that was recorded with the peer. */
export function heldUntil({ firstUntil, notAfter }: IdKey, recorded: Instant | undefined): Instant {
  return recorded ?? firstUntil ?? notAfter
}

/** Returns the events of ID keys on the state `S`. */
export function idEventsOn<S extends WithIds>() {
  const event = eventsOn<S>()
  return {
    'id.added': event(
      { ski: isKeyId, spki: isText, certificate: isText, notAfter: isTime },
      (state, { ski, spki, certificate, notAfter }) => {
        const known = idKey(state, ski)
        const first = known === undefined ? {} : { firstUntil: known.firstUntil ?? known.notAfter }
        const others = idsOf(state).filter((id) => id.ski !== ski)
        return { ...state, ids: [...others, { ski, spki, certificate, notAfter, ...first }] }
      },
    ),
    'id.retired': event({ ski: isKeyId }, (state, { ski }) => ({
      ...state,
      ids: idsOf(state).filter((id) => id.ski !== ski),
    })),
  }
}
export type IdEvent = EventOf<ReturnType<typeof idEventsOn<WithIds>>>

/**
 * Returns the commands of ID keys on the state `S`. `users` lists the peers that know an ID key: while there are some, the
 * key cannot be retired.
 */
export function idCommandsOn<S extends WithIds, P extends IdPorts>(users: (state: S, ski: KeyId) => readonly IdUser[]) {
  const command = commandsOn<S, IdEvent, P>()
  return {
    'id.add': command<{ readonly ifNone?: boolean }>({
      check: () => [],
      decide: async (state, { ifNone }, ports) => {
        if (ifNone === true && newestId(state) !== undefined) return []
        return [await newId(ports)]
      },
      publishesOnly: false,
      summarize: () => ({}),
    }),
    /** Makes a new certificate of a key, which is then the one of new exchanges; without a key: of the newest one. */
    'id.renew': command<{ readonly ski?: KeyId }>({
      check: (state, { ski }) => {
        const known = ski === undefined ? newestId(state) : idKey(state, ski)
        if (known !== undefined) return []
        return ski === undefined
          ? [{ code: 'id-none', message: 'there is no ID key yet' }]
          : [{ code: 'id-unknown', message: `there is no ID key ${ski}` }]
      },
      decide: async (state, { ski }, ports) => {
        const known = ski === undefined ? newestId(state) : idKey(state, ski)
        return known === undefined ? [] : [await certified(known.ski, Buffer.from(known.spki, 'base64'), ports)]
      },
      publishesOnly: false,
      summarize: ({ ski }) => (ski === undefined ? {} : { ski }),
    }),
    'id.retire': command<{ readonly ski: KeyId }>({
      check: (state, { ski }) => checkRetire(state, ski, users(state, ski)),
      decide: (_, { ski }) => [{ type: 'id.retired', ski }],
      publishesOnly: false,
      summarize: ({ ski }) => ({ ski }),
    }),
  }
}

function checkRetire(state: WithIds, ski: KeyId, users: readonly IdUser[]): readonly Violation[] {
  if (idKey(state, ski) === undefined) return [{ code: 'id-unknown', message: `there is no ID key ${ski}` }]
  if (users.length === 0) return []
  const names = users.map(formatIdUser)
  const message = `ID key ${ski} is still used with ${names.join(', ')}: give them the new one first`
  return [{ code: 'id-in-use', message, details: { users: names } }]
}

/** Makes an ID key with its certificate. */
async function newId(ports: IdPorts): Promise<IdEvent> {
  const { id: ski, spki } = await ports.signer.createKey()
  return certified(ski, spki, ports)
}

/** Makes a certificate of an ID key, valid from now on. */
async function certified(ski: KeyId, spki: Uint8Array, { clock, random, signer }: IdPorts): Promise<IdEvent> {
  const { makeIdCertificate } = await import('../protocols/cms/id-certificate.js')
  const now = clock.now()
  const notAfter = addSeconds(now, VALID_SECONDS)
  const certificate = await makeIdCertificate({
    ...{ ski, spki, notBefore: addSeconds(now, -300), notAfter },
    serial: BigInt(`0x4${Buffer.from(random.bytes(19)).toString('hex')}`),
    sign: (tbs) => signer.sign(ski, tbs),
  })
  return { type: 'id.added', ski, spki: toBase64(spki), certificate: toBase64(certificate), notAfter }
}
