/** Metrics of peers: each one labelled, and no sample for what is not known. */
import { expect, test } from 'vitest'
import { peerMetrics } from '../../../../src/core/app/status/peer-metrics.js'
import { parseHandle } from '../../../../src/core/base/handle.js'
import type { Instant } from '../../../../src/core/base/time.js'

const [ca, parent] = ['acme', 'registry'].map(parseHandle) as [never, never]
const serviceUri = 'https://rpki.example.net:8443/rfc8181/acme'
const T = '1970-01-01T00:01:40Z' as Instant
const ENDS = { own: T, peer: null }
const BOTH = { own: T, peer: '1970-01-01T00:03:20Z' as Instant }
const failed = { at: T, outcome: 'failure', since: T, lastSuccess: null, code: 'peer-timeout', message: null } as const

test('the last exchange, what is open, and what is not confirmed', () => {
  const doubts = { waiting: 0, held: 0 }
  const found = peerMetrics({
    lastTick: { at: T, failed: 0, failedPeers: 1 },
    publishers: [
      { publisher: ca, addedAt: T, lastMessage: T, objects: 2, bytes: 5, staleAt: T, idUntil: BOTH },
      { publisher: parent, addedAt: T, lastMessage: null, objects: 0, bytes: 0, staleAt: null, idUntil: null },
    ],
    children: [
      { ca, child: parent, heardAt: T, suspended: null, idUntil: ENDS },
      { ca, child: ca, heardAt: null, suspended: T, idUntil: null },
    ],
    parents: [
      {
        ca,
        parent,
        serviceUri,
        exchange: null,
        openRequests: 2,
        doubts,
        nextDue: null,
        revocationFrom: T,
        idUntil: ENDS,
      },
    ],
    repositories: [
      {
        ...{
          ca,
          serviceUri,
          base: 'rsync://rpki.example.net/repo/acme/',
          unconfirmed: 3,
          leaving: false,
          confirmedAt: null,
        },
        ...{ exchange: { ...failed, agent: null }, staleAt: T, nextDue: T, idUntil: BOTH },
      },
    ],
  })
  const values = found.flatMap(({ name, samples }) =>
    samples.map(({ labels, value }) => `${name} ${Object.values(labels ?? {}).join(' ')} ${value}`),
  )
  const repository = 'repository acme rpki.example.net:8443'
  expect(values).toEqual([
    'last_tick_failed_peers  1',
    `peer_exchange_timestamp_seconds ${repository} 100`,
    `peer_up ${repository} 0`,
    `peer_since_timestamp_seconds ${repository} 100`,
    `peer_next_due_timestamp_seconds ${repository} 100`,
    'peer_id_expiry_timestamp_seconds parent acme registry own 100',
    `peer_id_expiry_timestamp_seconds ${repository} own 100`,
    `peer_id_expiry_timestamp_seconds ${repository} peer 200`,
    'peer_id_expiry_timestamp_seconds publisher acme own 100',
    'peer_id_expiry_timestamp_seconds publisher acme peer 200',
    'peer_id_expiry_timestamp_seconds child acme registry own 100',
    'parent_open_requests parent acme registry 2',
    'parent_revocation_timestamp_seconds parent acme registry 100',
    `repository_unconfirmed ${repository} 3`,
    `repository_stale_timestamp_seconds ${repository} 100`,
    'publisher_message_timestamp_seconds acme 100',
    'publisher_objects acme 2',
    'publisher_objects registry 0',
    'publisher_bytes acme 5',
    'publisher_bytes registry 0',
    'publisher_stale_timestamp_seconds acme 100',
    'child_message_timestamp_seconds acme registry 100',
    'child_suspended acme registry 0',
    'child_suspended acme acme 1',
  ])
})
