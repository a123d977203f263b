/** Metrics of the exchanges with parents and repositories elsewhere, in the terms of the Prometheus text format. Pure. */
import { epochOf, type Instant } from '../../base/time.js'
import type { StatusReport } from './report.js'

export interface Metric {
  readonly name: string
  readonly help: string
  readonly samples: readonly { readonly labels?: Readonly<Record<string, string>>; readonly value: number }[]
}

type Report = Pick<StatusReport, 'parents' | 'repositories' | 'publishers' | 'children' | 'lastTick'>
type Peer = Report['parents'][number] | Report['repositories'][number]

/** Returns the metrics of each peer: the last exchange with it, and what is open; of those that this directory serves, the last message. */
export function peerMetrics({ parents, repositories, lastTick, publishers, children }: Report): readonly Metric[] {
  const peers = [...parents, ...repositories].map((peer) => ({ peer, labels: labelsOf(peer) }))
  const each = (name: string, help: string, pick: (peer: Peer) => number | null): Metric => ({
    ...{ name, help },
    samples: peers.flatMap(({ peer, labels }) => sample(labels, pick(peer))),
  })
  return [
    {
      name: 'last_tick_failed_peers',
      help: 'Parents and repositories elsewhere whose exchange failed in the last tick.',
      samples: lastTick === null ? [] : [{ value: lastTick.failedPeers }],
    },
    each('peer_exchange_timestamp_seconds', 'Time of the last exchange with a peer.', ({ exchange }) =>
      seconds(exchange?.at),
    ),
    each('peer_success_timestamp_seconds', 'Time of the last exchange with a peer that succeeded.', ({ exchange }) =>
      seconds(exchange?.lastSuccess),
    ),
    each('peer_up', '1 if the last exchange with a peer succeeded, 0 if it failed.', ({ exchange }) =>
      exchange === null ? null : exchange.outcome === 'success' ? 1 : 0,
    ),
    each(
      'peer_since_timestamp_seconds',
      'Time since which the exchanges with a peer succeed or fail.',
      ({ exchange }) => seconds(exchange?.since),
    ),
    each('peer_next_due_timestamp_seconds', 'Time at which tick asks a peer.', ({ nextDue }) => seconds(nextDue)),
    {
      name: 'peer_id_expiry_timestamp_seconds',
      help: 'End of an ID certificate between us and a peer: ours as the peer has it (side own), and that of the peer (side peer).',
      samples: [
        ...peers.flatMap(({ peer, labels }) => idSamples(labels, peer.idUntil)),
        ...publishers.flatMap(({ publisher, idUntil }) => idSamples({ kind: 'publisher', peer: publisher }, idUntil)),
        ...children.flatMap(({ ca, child, idUntil }) => idSamples({ kind: 'child', ca, peer: child }, idUntil)),
      ],
    },
    each('parent_open_requests', 'Requests that a parent has not answered.', (peer) =>
      'parent' in peer ? peer.openRequests : null,
    ),
    each(
      'parent_revocation_timestamp_seconds',
      'Time from which a registry revokes the CA if nothing is published: three months after its manifest goes stale.',
      (peer) => ('parent' in peer ? seconds(peer.revocationFrom) : null),
    ),
    each('repository_unconfirmed', 'Objects that a repository has not confirmed.', (peer) =>
      'parent' in peer ? null : peer.unconfirmed,
    ),
    each(
      'repository_stale_timestamp_seconds',
      'Time at which the first manifest in a repository goes stale.',
      (peer) => ('parent' in peer ? null : seconds(peer.staleAt)),
    ),
    ...publisherMetrics(publishers),
    ...childMetrics(children),
  ]
}

function publisherMetrics(publishers: Report['publishers']): readonly Metric[] {
  const each = (name: string, help: string, pick: (row: Report['publishers'][number]) => number | null): Metric => ({
    ...{ name: `publisher_${name}`, help },
    samples: publishers.flatMap((row) => sample({ publisher: row.publisher }, pick(row))),
  })
  return [
    each('message_timestamp_seconds', 'Time of the last message of a publisher elsewhere.', ({ lastMessage }) =>
      seconds(lastMessage),
    ),
    each('objects', 'Objects of a publisher elsewhere.', ({ objects }) => objects),
    each('bytes', 'Length of the objects of a publisher elsewhere.', ({ bytes }) => bytes),
    each(
      'stale_timestamp_seconds',
      'Time at which the first manifest of a publisher elsewhere goes stale.',
      ({ staleAt }) => seconds(staleAt),
    ),
  ]
}

function childMetrics(children: Report['children']): readonly Metric[] {
  const each = (name: string, help: string, pick: (row: Report['children'][number]) => number | null): Metric => ({
    ...{ name: `child_${name}`, help },
    samples: children.flatMap((row) => sample({ ca: row.ca, child: row.child }, pick(row))),
  })
  return [
    each('message_timestamp_seconds', 'Time of the last message of a child elsewhere.', ({ heardAt }) =>
      seconds(heardAt),
    ),
    each('suspended', '1 for a child elsewhere that is suspended.', ({ suspended }) => (suspended === null ? 0 : 1)),
  ]
}

function idSamples(labels: Readonly<Record<string, string>>, ends: Peer['idUntil']): Metric['samples'] {
  return (['own', 'peer'] as const).flatMap((side) => sample({ ...labels, side }, seconds(ends?.[side])))
}

function sample(labels: Readonly<Record<string, string>>, value: number | null): Metric['samples'] {
  return value === null ? [] : [{ labels, value }]
}

function labelsOf(peer: Peer): Readonly<Record<string, string>> {
  const isParent = 'parent' in peer
  return {
    kind: isParent ? 'parent' : 'repository',
    ca: peer.ca,
    peer: isParent ? peer.parent : `${new URL(peer.serviceUri).host}${peer.leaving ? ' (left)' : ''}`,
  }
}

function seconds(at: Instant | null | undefined): number | null {
  return at === null || at === undefined ? null : epochOf(at)
}
