/**
 * Addresses that hosts have or had lately. Invariant: a look-up that fails forgets nothing, so that an outage of DNS does not disarm the guard;
 * an address that no answer names any more is kept for a month, since answers differ from place to place and time to time.
 */
import type { Json } from '../base/json.js'
import { isObject } from '../base/shape.js'
import { addSeconds, type Instant, parseInstant } from '../base/time.js'
import type { NameService } from './resolver.js'

export interface HostAddresses {
  readonly host: string
  /** Each with the time of the last answer that named it, the newest first. */
  readonly addresses: readonly { readonly address: string; readonly seenAt: Instant }[]
  /** Time of the last answer; null if there was none. */
  readonly answeredAt: Instant | null
  /** Why the newest look-up failed; null if it did not. */
  readonly failure: string | null
}

export interface RememberedHosts {
  /** Time of the newest round of look-ups. */
  readonly at: Instant | null
  readonly hosts: readonly HostAddresses[]
}

export const NOTHING_REMEMBERED: RememberedHosts = { at: null, hosts: [] }

const KEPT_SECONDS = 30 * 86_400
/** A host that is served from everywhere has hundreds; these are the ones that were named last. */
export const MAX_ADDRESSES = 64
/** Questions at once. */
const PARALLEL = 8

/** Looks up the hosts and the name servers of their zones, and returns what is known then. Hosts that are no longer asked for are forgotten. */
export async function lookUp(
  names: readonly string[],
  service: NameService,
  before: RememberedHosts,
  now: Instant,
): Promise<RememberedHosts> {
  const wanted = new Set(names)
  for (const servers of await inParallel([...wanted], (host) => service.nameServers(host)))
    for (const server of servers) wanted.add(server)
  // name servers that were known stay while DNS does not answer
  const known = before.hosts.filter(({ host }) => !wanted.has(host) && isRecent(host, before, now))
  const answered = await inParallel([...wanted].sort(), (host) => lookUpOne(host, service, before, now))
  return { at: now, hosts: [...answered, ...known].toSorted((a, b) => (a.host < b.host ? -1 : 1)) }
}

function isRecent(host: string, { hosts }: RememberedHosts, now: Instant): boolean {
  const answeredAt = hosts.find((one) => one.host === host)?.answeredAt ?? null
  return answeredAt !== null && addSeconds(answeredAt, KEPT_SECONDS) >= now
}

async function lookUpOne(
  host: string,
  service: NameService,
  before: RememberedHosts,
  now: Instant,
): Promise<HostAddresses> {
  const old = before.hosts.find((one) => one.host === host)
  try {
    const found = (await service.addresses(host)).slice(0, MAX_ADDRESSES)
    const kept = (old?.addresses ?? []).filter(
      ({ address, seenAt }) => !found.includes(address) && addSeconds(seenAt, KEPT_SECONDS) >= now,
    )
    const addresses = [...found.map((address) => ({ address, seenAt: now })), ...kept].slice(0, MAX_ADDRESSES)
    return { host, addresses, answeredAt: now, failure: null }
  } catch (error) {
    const failure = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    return { host, addresses: old?.addresses ?? [], answeredAt: old?.answeredAt ?? null, failure }
  }
}

async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = []
  for (let at = 0; at < items.length; at += PARALLEL)
    results.push(...(await Promise.all(items.slice(at, at + PARALLEL).map(work))))
  return results
}

/** Reads what was stored. What is not as it was written is left out. */
export function readRemembered(value: Json | undefined): RememberedHosts {
  if (!isObject(value)) return NOTHING_REMEMBERED
  const hosts = Array.isArray(value['hosts']) ? value['hosts'].flatMap(readHost) : []
  return { at: instantOf(value['at']), hosts }
}

function readHost(value: Json): readonly HostAddresses[] {
  if (!isObject(value) || typeof value['host'] !== 'string') return []
  const rows: readonly Json[] = Array.isArray(value['addresses']) ? value['addresses'] : []
  const addresses = rows.flatMap((row) => {
    const [address, seenAt] = isObject(row) ? [row['address'], instantOf(row['seenAt'])] : []
    return typeof address === 'string' && seenAt !== null && seenAt !== undefined ? [{ address, seenAt }] : []
  })
  const failure = value['failure']
  return [
    {
      host: value['host'],
      addresses,
      answeredAt: instantOf(value['answeredAt']),
      failure: typeof failure === 'string' ? failure : null,
    },
  ]
}

function instantOf(value: Json | undefined): Instant | null {
  return typeof value === 'string' ? (parseInstant(value) ?? null) : null
}
