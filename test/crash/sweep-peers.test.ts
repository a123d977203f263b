/**
 * Commands about peers elsewhere with failing file operations: all or nothing, and the exchange of messages goes on afterwards. A sample of
 * the cases; all of them with SLOW=1.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { removeChild, suspendChild, unsuspendChild } from '../../src/core/app/authority/children.js'
import { activateKeyroll, cancelKeyroll, initKeyroll } from '../../src/core/app/authority/keyroll.js'
import { configureLocalRepository } from '../../src/core/app/authority/parents.js'
import { clearPubserver, initPubserver } from '../../src/core/app/authority/pubserver.js'
import { addRemoteParent } from '../../src/core/app/exchange/client/parent-contact.js'
import { removeParent } from '../../src/core/app/exchange/client/remove-parent.js'
import { configureRemoteRepository } from '../../src/core/app/exchange/client/repository-contact.js'
import { addId, retireId, useId } from '../../src/core/app/exchange/id-keys.js'
import { updatePublisherId } from '../../src/core/app/exchange/server/publisher-contact.js'
import { purgeObjects, removePublishers } from '../../src/core/app/exchange/server/remove-publishers.js'
import { pubdState } from '../../src/core/app/session/context.js'
import { addSeconds, type Instant } from '../../src/core/base/time.js'
import { Work } from '../../src/core/eventsourcing/work.js'
import type { IdKey } from '../../src/core/identity/id-keys.js'
import { encodeSetup } from '../../src/core/protocols/setup/encode.js'
import type { PubdState } from '../../src/core/pubd/state.js'
import { partyOf } from '../support/peers/parties.js'
import { bytesOf, type ForeignPublisher, foreignPublisher, publisherAt } from '../support/peers/publisher.js'
import { copyDir } from '../support/processes/cli.js'
import { KINDS, type Subject, sweep } from '../support/processes/sweep.js'
import { subjectsIn } from '../support/sites/exchange-subject.js'
import {
  addRoa,
  deliverTo,
  directoriesIn,
  finish,
  issuedBy,
  keysOf,
  refresh,
  sync,
} from '../support/sites/exchanges.js'
import { brineOk, quickSession } from '../support/sites/testbed.js'
import {
  childElsewhere,
  childRequest,
  KID,
  newDirectories,
  PUB,
  repositoryElsewhere,
  TESTBED,
  type TwoDirectories,
  UP,
} from '../support/sites/two-directories.js'
import { fastest } from '../support/store/store.js'

const START = '2026-11-21T12:00:00Z' as Instant
const NOW = '2026-11-21T12:30:00Z' as Instant
const folder = mkdtempSync(join(fastest(), 'brine-sweep-peers-'))
const BASES = [
  'strangers',
  'asked',
  'certified',
  'suspended',
  'staged',
  'twoIds',
  'offered',
  'publishing',
  'bare',
] as const
const base = Object.fromEntries(BASES.map((name) => [name, join(folder, name)])) as Record<
  (typeof BASES)[number],
  string
>
const URIS = ['rsync://old.example.net/repo/', 'https://old.example.net/rrdp/'] as const
const roll = { className: null, activateAfter: null, compromised: false } as const
/** Files of RFC 8183 that were exchanged before the command. */
const files: { child?: Buffer; parent?: Buffer; repository?: Buffer } = {}
let pub: ForeignPublisher

let now = START
const next = (): void => {
  now = addSeconds(now, 60)
}

/** Makes a further base from another one. */
async function derive(from: string, into: string, change: (two: TwoDirectories) => Promise<unknown>): Promise<void> {
  copyDir(from, into)
  await change(directoriesIn(into, now))
  next()
}

beforeAll(async () => {
  const strangers = await newDirectories(base.strangers, () => now)
  await configureLocalRepository(await strangers.here(), KID)
  files.child = await childRequest(strangers)
  next()
  await derive(base.strangers, base.asked, async (two) => {
    files.parent = await childElsewhere(two, files.child ?? Buffer.alloc(0))
  })
  await derive(base.asked, base.certified, async (two) => {
    await addParent(two)
    await refresh(two)
    await addRoa(two)
  })
  await derive(base.certified, base.suspended, async (two) => suspendChild(await two.there(), TESTBED, KID))
  await derive(base.certified, base.staged, async (two) => {
    await initKeyroll(await two.here(), KID, roll)
    await refresh(two)
  })
  await derive(base.certified, base.twoIds, async (two) => addId(await two.here(), KID))
  const offered = await newDirectories(base.offered, () => now)
  files.repository = (await repositoryElsewhere(offered)).response
  // the command is run again with the contact of another server
  next()
  await derive(base.offered, base.publishing, async (two) => {
    await sync(two)
    pub = await foreignPublisher(await two.there(), 'foreign', 38)
    await pub.ask(await two.there(), [pub.put('a.roa', 'a'), pub.put('x/b.roa', 'b')])
  })
  mkdirSync(base.bare)
  const server = join(base.bare, 'server')
  await brineOk(server, ['init', '--test'], START)
  await initPubserver(await quickSession(server, START), ...URIS)
}, 240_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const addParent = async (two: TwoDirectories) =>
  addRemoteParent(await two.here(), KID, UP, {
    response: files.parent ?? Buffer.alloc(0),
    permissions: { allowPrivate: true },
  })
const leave = async (two: TwoDirectories) => {
  const session = await two.here()
  return removeParent(session, KID, UP, { deliver: deliverTo(session, two) })
}
const configure = async (two: TwoDirectories, tlsInsecure = true) =>
  configureRemoteRepository(await two.here(), KID, {
    response: files.repository ?? Buffer.alloc(0),
    permissions: tlsInsecure ? { tlsInsecure } : {},
  })
const idsHere = async (two: TwoDirectories): Promise<readonly IdKey[]> => (await two.stateHere(KID)).ids ?? []
const idAt = async (two: TwoDirectories, index: number) => {
  const id = (await idsHere(two)).at(index)
  if (id === undefined) throw new Error('no ID key')
  return id.ski
}
const useFor = async (two: TwoDirectories, index: number) =>
  useId(await two.here(), KID, await idAt(two, index), [{ kind: 'parent', name: UP }])
const pubd = async (two: TwoDirectories): Promise<PubdState> =>
  (await two.there()).store.read(async (reader) => pubdState(new Work(reader)))
const foreign = async (two: TwoDirectories) => (await pubd(two)).publishers[pub.handle]
const requestOf = async (index: number): Promise<Uint8Array> =>
  bytesOf(
    encodeSetup({
      ...{ kind: 'publisher_request', publisherHandle: pub.handle, referrals: [] },
      id: (await partyOf(index)).certificate.der,
    }),
  )

const children = async (two: TwoDirectories) => (await two.stateThere(TESTBED)).children
const parents = async (two: TwoDirectories) => Object.keys((await two.stateHere(KID)).parents)

const on = subjectsIn(folder, NOW)

const subjects: readonly Subject[] = [
  on('server', 'child add --request', 'strangers', {
    run: (two) => childElsewhere(two, files.child ?? Buffer.alloc(0)),
    state: async (two) => Object.keys(await children(two)),
    next: async (two) => {
      if ((await children(two))[KID] === undefined) await childElsewhere(two, files.child ?? Buffer.alloc(0))
    },
  }),
  on('client', 'parent add --response', 'asked', {
    run: addParent,
    state: parents,
    next: async (two) => {
      await addParent(two)
      await finish(two, 0)
    },
  }),
  on('server', 'child remove', 'certified', {
    run: async (two) => removeChild(await two.there(), TESTBED, KID),
    state: async (two) => Object.keys(await children(two)),
    next: async (two) => {
      if ((await children(two))[KID] !== undefined) await removeChild(await two.there(), TESTBED, KID)
      await childElsewhere(two, files.child ?? Buffer.alloc(0))
      await refresh(two)
    },
  }),
  on('server', 'child suspend', 'certified', {
    run: async (two) => suspendChild(await two.there(), TESTBED, KID),
    state: async (two) => (await children(two))[KID]?.suspended !== undefined,
    next: (two) => finish(two, 1),
  }),
  on('server', 'child unsuspend', 'suspended', {
    run: async (two) => unsuspendChild(await two.there(), TESTBED, KID),
    state: async (two) => (await children(two))[KID]?.suspended !== undefined,
    next: (two) => finish(two, 1),
  }),
  on('client', 'ca id add', 'certified', {
    run: async (two) => addId(await two.here(), KID),
    state: async (two) => (await idsHere(two)).length,
    next: async (two) => {
      await addId(await two.here(), KID)
      await finish(two, 1)
    },
  }),
  on('client', 'ca id use', 'twoIds', {
    run: (two) => useFor(two, -1),
    state: async (two) => {
      const up = (await two.stateHere(KID)).parents[UP]
      return up?.transport === 'rfc6492' && up.contact.id === (await idAt(two, 0))
    },
    next: async (two) => {
      await useFor(two, 0)
      await finish(two, 1)
    },
  }),
  on('client', 'ca id retire', 'twoIds', {
    run: async (two) => retireId(await two.here(), KID, await idAt(two, 1)),
    state: async (two) => (await idsHere(two)).length,
    next: async (two) => {
      await addId(await two.here(), KID)
      await finish(two, 1)
    },
  }),
  on(
    'client',
    'parent remove',
    'certified',
    {
      run: leave,
      state: async (two) => [await parents(two), Object.keys(await issuedBy(two)).length],
      next: async (two) => {
        if ((await parents(two)).length > 0) await leave(two)
        expect([await parents(two), await keysOf(two), await issuedBy(two)]).toEqual([[], [], {}])
      },
    },
    { begun: '[["up"],0]' },
  ),
  on('client', 'keyroll activate at a parent elsewhere', 'staged', {
    run: async (two) => activateKeyroll(await two.here(), KID, { className: null, now: true, compromised: false }),
    state: async (two) => (await keysOf(two)).map(({ state }) => state),
    next: async (two) => {
      const [, second] = await keysOf(two)
      if (second?.state === 'new')
        await activateKeyroll(await two.here(), KID, { className: null, now: true, compromised: false })
      await finish(two, 1)
    },
  }),
  on('client', 'keyroll cancel at a parent elsewhere', 'staged', {
    run: async (two) => cancelKeyroll(await two.here(), KID, null),
    state: async (two) => (await keysOf(two)).map(({ state }) => state),
    next: async (two) => {
      const [, second] = await keysOf(two)
      if (second?.state === 'new') await cancelKeyroll(await two.here(), KID, null)
      await finish(two, 1)
    },
  }),
  on('client', 'repo configure --response', 'offered', {
    run: configure,
    state: async (two) => {
      const { repository } = await two.stateHere(KID)
      return repository?.transport === 'rfc8181' && repository.contact.tlsInsecure === true
    },
    next: async (two) => {
      await configure(two, false)
      await sync(two)
      expect(await sync(two)).toMatchObject({ changed: false })
    },
  }),
  on('server', 'pubserver publisher update', 'publishing', {
    run: async (two) => updatePublisherId(await two.there(), pub.handle, await requestOf(39)),
    state: async (two) => (await foreign(two))?.remote?.peer,
    next: async (two) => {
      await updatePublisherId(await two.there(), pub.handle, await requestOf(39))
      const other = publisherAt(await partyOf(39), pub.handle, pub.base)
      expect(await other.ask(await two.there())).toMatchObject({ type: 'list', objects: [{}, {}] })
    },
  }),
  on('server', 'pubserver publisher remove', 'publishing', {
    run: async (two) => removePublishers(await two.there(), { publisher: pub.handle }),
    state: async (two) => (await foreign(two)) === undefined,
    next: async (two) => {
      if ((await foreign(two)) !== undefined) await removePublishers(await two.there(), { publisher: pub.handle })
      await foreignPublisher(await two.there(), pub.handle, 38)
      await sync(two)
    },
  }),
  on('server', 'pubserver publisher add', 'offered', {
    run: async (two) => foreignPublisher(await two.there(), 'other', 39),
    state: async (two) => Object.keys((await pubd(two)).publishers),
    next: async (two) => {
      if ((await pubd(two)).publishers['other'] === undefined) await foreignPublisher(await two.there(), 'other', 39)
      await sync(two)
    },
  }),
  on('server', 'pubserver purge', 'publishing', {
    run: async (two) => purgeObjects(await two.there(), `${pub.base}x/`),
    state: async (two) => Object.keys((await foreign(two))?.objects ?? {}),
    next: async (two) => {
      expect(await pub.ask(await two.there(), [pub.put('c.roa', 'c')])).toEqual({ type: 'success' })
    },
  }),
  on('server', 'pubserver id add', 'publishing', {
    run: async (two) => addId(await two.there(), null),
    state: async (two) => (await pubd(two)).ids?.length,
    next: async (two) => {
      const id = (await addId(await two.there(), null)).id
      if (id === null) throw new Error('no ID key')
      await useId(await two.there(), null, id, [{ kind: 'publisher', name: PUB }])
      await useId(await two.there(), null, (await pubd(two)).ids?.[0]?.ski ?? id, [{ kind: 'publisher', name: PUB }])
      await retireId(await two.there(), null, id)
      await sync(two)
    },
  }),
]

it.each(subjects.map((s) => [s.name, s] as const))(
  '%s',
  async (_, subject) => {
    const { operations, complaints } = await sweep(subject, KINDS, 3)
    expect(operations.length).toBeGreaterThan(10)
    expect(complaints).toEqual([])
  },
  7_200_000,
)

it('pubserver clear', async () => {
  const state = async (dir: string, at: string | undefined) =>
    (await quickSession(dir, at)).store.read(async (reader) => pubdState(new Work(reader)).rsyncBase)
  const subject: Subject = {
    ...{ name: 'pubserver clear', now: NOW, base: join(base.bare, 'server'), state },
    run: async (dir, at) => clearPubserver(await quickSession(dir, at)),
    next: async (dir, at) => {
      await initPubserver(await quickSession(dir, at), ...URIS)
      expect(await state(dir, at)).toBe(URIS[0])
    },
  }
  const { operations, complaints } = await sweep(subject, KINDS, 3)
  expect(operations.length).toBeGreaterThan(10)
  expect(complaints).toEqual([])
}, 7_200_000)
