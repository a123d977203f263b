/** The rules of all kinds: which commands only publish, and the stored members of every event of the frozen data directory. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { publishesOnly, RULES } from '../../../../src/core/app/proof/aggregate-registry.js'
import type { Json } from '../../../../src/core/base/json.js'
import { storedMismatch } from '../../../../src/core/eventsourcing/declare.js'
import { KINDS, type Kind, type StoredEvent } from '../../../../src/core/eventsourcing/types.js'
import { frozenDir } from '../../../support/store/frozen-store.js'

type Stored = StoredEvent['event'] & { readonly [member: string]: Json }

/** Of the first format, and of the directories that were frozen for types of events which came later. */
const EVENTS: readonly StoredEvent<Stored>[] = readdirSync(frozenDir, { recursive: true, encoding: 'utf8' })
  .filter((name) => /^format-(?:1|\d+-[a-z]+)\/(?:.*\/)?event-\d+\.json$/.test(name))
  .map((name) => JSON.parse(readFileSync(join(frozenDir, name), 'utf8')) as StoredEvent<Stored>)

function mismatchOf(kind: Kind, event: object): string | undefined {
  const rules = RULES[kind]
  if (rules === undefined) throw new Error(`no rules for ${kind}`)
  const found = storedMismatch(rules, event as Stored)
  return found === undefined ? undefined : `${found.path} ${found.problem}`
}

const AT = '2026-12-01T00:00:00Z'
const SKI = 'A'.repeat(40)
const POINT = { class: '0', ski: SKI, revoked: [{ serial: '01', at: AT, expires: AT }] }

const SHA = 'a'.repeat(64)
const RESOURCES = { asn: 'AS64496', ipv4: '192.0.2.0/24', ipv6: '2001:db8::/32' }
const CONTACT = {
  serviceUri: 'https://registry.example/updown',
  id: SKI,
  peer: 'AAAA',
  tlsCa: '-----BEGIN CERTIFICATE-----',
  tlsInsecure: true,
  acceptStaleCrl: true,
  allowPrivate: true,
}
const ID_EVENTS = [
  { type: 'id.added', ski: SKI, spki: 'AAAA', certificate: 'AAAA', notAfter: AT },
  { type: 'id.retired', ski: SKI },
]
const REMOTE_CA_EVENTS = [
  ...ID_EVENTS,
  { type: 'id.offered', ski: SKI, to: 'parents' },
  { type: 'id.offered', ski: SKI, to: 'parents', parent: 'registry' },
  {
    type: 'parent.contacted',
    parent: 'registry',
    contact: { transport: 'rfc6492', contact: CONTACT, childName: 'uuid-1', parentName: 'REG' },
  },
  { type: 'parent.removed', parent: 'registry' },
  {
    ...{ type: 'class.listed', class: '0' },
    listed: { resources: RESOURCES, notAfter: AT, unlisted: [SKI], unexpected: { [SKI]: AT } },
  },
  { type: 'class.doubted', class: '0', doubt: { reason: 'missing', since: AT, held: false } },
  { type: 'class.confirmed', class: '0' },
  {
    type: 'repository.contacted',
    repository: {
      transport: 'rfc8181',
      contact: CONTACT,
      publisher: 'uuid-2',
      base: 'rsync://registry.example/repo/acme/',
      notify: 'https://registry.example/rrdp/notification.xml',
    },
  },
  { type: 'repository.synced', content: SHA, at: AT },
  { type: 'repository.synced', content: SHA, at: AT, leaving: true },
  {
    type: 'repository.migrated',
    repository: { transport: 'local', base: 'rsync://rpki.example/repo/acme/', notify: 'https://rpki.example/n.xml' },
    at: AT,
  },
  {
    type: 'repository.migrated',
    repository: { transport: 'local', base: 'rsync://rpki.example/repo/acme/', notify: 'https://rpki.example/n.xml' },
    at: AT,
    isBack: true,
  },
  { type: 'repository.abandoned', at: AT },
  { type: 'repository.left', at: AT },
  { type: 'child.contacted', child: 'branch', peer: 'AAAA', id: SKI },
  { type: 'child.heard', child: 'branch', signedAt: AT },
]
const REMOTE_PUBD_EVENTS = [
  ...ID_EVENTS,
  { type: 'publisher.contacted', publisher: 'branch', peer: 'AAAA', id: SKI },
  {
    ...{ type: 'publisher.heard', publisher: 'branch', signedAt: AT },
    staged: { put: [{ name: 'a.roa', sha256: SHA, size: 3 }], drop: ['b.roa'] },
  },
  { type: 'pubserver.cleared', at: AT },
]

/** Types that came after the first directory was frozen, with every member. */
const LATER = (
  [
    ['ca', { type: 'clock.reset', at: AT, points: [POINT] }],
    ['ta', { type: 'clock.reset', at: AT, points: [POINT] }],
    ['ca', { type: 'child.key.revoked', child: 'sub', ski: SKI }],
    ['ta', { type: 'child.key.revoked', child: 'sub', ski: SKI }],
    ...(['ca', 'ta'] as const).flatMap((kind) => [
      [kind, { type: 'child.suspended', child: 'sub', at: AT, parks: true }] as const,
      [kind, { type: 'child.unsuspended', child: 'sub' }] as const,
      [kind, { type: 'child.removed', child: 'sub', clock: { ski: SKI, signedAt: AT } }] as const,
    ]),
    [
      'ca',
      { type: 'keyroll.started', class: '0', ski: SKI, spki: 'MII', at: AT, activateAfter: 1, compromised: false },
    ],
    ['ca', { type: 'keyroll.staged', class: '0', ski: SKI, at: AT }],
    ['ca', { type: 'keyroll.staged', class: '0', ski: SKI, at: AT, awaitsRepository: true, awaitsParent: false }],
    ['ca', { type: 'keyroll.activated', class: '0', ski: SKI, old: 'B'.repeat(40), at: AT }],
    ['ca', { type: 'keyroll.cancelled', class: '0', ski: SKI, at: AT }],
    [
      'ca',
      { type: 'aspas.updated', set: [{ customer: 1, providers: [2], comment: null, since: AT }], removed: ['AS3'] },
    ],
    [
      'ca',
      {
        type: 'routers.updated',
        set: [
          {
            ...{ asn: 1, ski: SKI, spki: 'AA==', request: 'AA==', routerId: null, comment: null, since: AT },
            replaces: { router: 'ROUTER-00000001', after: null },
          },
        ],
        removed: ['ROUTER-00000001'],
      },
    ],
    ['ca', { type: 'keyroll.finished', class: '0', ski: SKI, at: AT }],
    ['ca', { type: 'point.withdrawn', class: '0', ski: SKI }],
    ['ca', { type: 'keys.destroyed', skis: [SKI] }],
    ['pubd', { type: 'clock.reset', at: AT }],
    ['pubd', { type: 'publisher.removed', publisher: 'sub', clock: { ski: SKI, signedAt: AT } }],
    ['ha', { type: 'clock.reset', at: AT }],
    ['est', { type: 'clock.reset', at: AT }],
    ['est', { type: 'crl.numbered', ca: 'one', number: 1, at: AT, nextUpdate: AT }],
    ...REMOTE_CA_EVENTS.map((event) => ['ca', event] as const),
    ...REMOTE_PUBD_EVENTS.map((event) => ['pubd', event] as const),
  ] as const
).map(([kind, event]) => ({ kind, event }) as unknown as StoredEvent<Stored>)

/** One event of each type with the most members: optional ones are there if any event has them. */
const SAMPLES: readonly StoredEvent<Stored>[] = [
  ...[...EVENTS, ...LATER].reduce((found, stored) => {
    const key = `${stored.kind} ${stored.event.type}`
    const before = found.get(key)
    const size = (one: StoredEvent) => JSON.stringify(one.event).length
    return before === undefined || size(before) < size(stored) ? found.set(key, stored) : found
  }, new Map<string, StoredEvent<Stored>>()),
].map(([, stored]) => stored)

describe('the stored members', () => {
  it('of every event of the frozen directory are those that its type declares', () => {
    const found = EVENTS.map(({ kind, handle, version, event }) => {
      const wrong = mismatchOf(kind, event)
      return wrong === undefined ? undefined : `${kind}/${handle} ${version} ${event.type}: ${wrong}`
    })
    expect(found.filter((wrong) => wrong !== undefined)).toEqual([])
  })

  it('are declared for no type without a sample', () => {
    const declared = KINDS.flatMap((kind) => Object.keys(RULES[kind]?.events ?? {}).map((type) => `${kind} ${type}`))
    expect(SAMPLES.map(({ kind, event }) => `${kind} ${event.type}`).sort()).toEqual(declared.sort())
  })

  it.each(SAMPLES.map((stored) => [`${stored.kind} ${stored.event.type}`, stored] as const))(
    'of %s: each of them, and no other',
    (_, { kind, event }) => {
      for (const [member, value] of Object.entries(event)) {
        if (member === 'type') continue
        const { [member]: _removed, ...rest } = event
        const isOptional = Object.hasOwn(RULES[kind]?.events[event.type] ?? {}, `${member}?`)
        expect(mismatchOf(kind, rest)).toBe(isOptional ? undefined : `$.${member} missing member`)
        expect(mismatchOf(kind, { ...rest, [`${member}New`]: value })).toBe(`$.${member}New unknown member`)
        // no member accepts everything
        expect(mismatchOf(kind, { ...event, [member]: { other: [true] } })).toMatch(`$.${member}`)
      }
    },
  )
})

it('only these commands may be archived', () => {
  const types = {
    ca: ['ca.add', 'ca.remove', 'repository.configure', 'parent.add', 'parent.sync', 'certificate.receive'],
    ta: ['ta.init'],
    pubd: [
      ...['pubserver.init', 'publisher.add', 'publisher.remove', 'publish', 'session.reset'],
      ...['objects.purge', 'pubserver.clear'],
    ],
    ha: ['enroll.start', 'enroll.direct', 'enroll.finish', 'probes.start', 'probes.finish', 'resume.finish'],
    est: ['request.open', 'request.ask', 'request.serve', 'request.wait', 'request.lose', 'request.end'],
  }
  const shared = [
    ...[
      'child.add',
      'child.update',
      'child.remove',
      'child.certify',
      'children.certify',
      'child.revoke',
      'child.suspend',
      'child.unsuspend',
      'roas.update',
      'aspas.update',
      'routers.update',
      'republish',
      'numbers.raise',
      'clock.reset',
    ],
    ...['override.set', 'override.end', 'certificate.record', 'certificate.revoke', 'crl.number', 'crl.record'],
    ...['records.survey', 'key.compromise'],
    ...['keyroll.init', 'keyroll.activate', 'keyroll.cancel', 'keyroll.finish', 'keys.destroy'],
    ...['password.create', 'password.revoke', 'of.the.future', 'constructor', ''],
  ]
  const archived = KINDS.flatMap((kind) =>
    [...types[kind], ...shared].filter((type) => publishesOnly(kind, type)).map((type) => `${kind} ${type}`),
  )
  expect(archived).toEqual(['ca republish', 'pubd publish', 'ta republish'])
  expect(publishesOnly('later' as Kind, 'republish')).toBe(false)
})
