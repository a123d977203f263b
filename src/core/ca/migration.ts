/**
 * Migration to another repository: a key roll whose new keys publish there (RFC 6489). The old keys keep their repository until they are revoked.
 * Invariant: a CA leaves one repository at a time, and no place of a key changes as long as it has a certificate for it.
 */
import type { Violation } from '../base/errors.js'
import { mapEntries } from '../base/record.js'
import { isFlag, isTime } from '../base/shape.js'
import { commandsOn, type EventOf, eventsOn } from '../eventsourcing/declare.js'
import { idKey } from '../identity/id-keys.js'
import type { IssuingPorts } from '../issuing/ports.js'
import type { keyrollCancelEvents } from './keyroll-cancel.js'
import { isRepository, type Repository } from './state/contacts.js'
import { isAt, isLeft } from './state/places.js'
import { nextKey, rollStage } from './state/roll-state.js'
import type { CaState, ClassKey, ResourceClass } from './state/state.js'

const event = eventsOn<CaState>()

export const migrationEvents = {
  /**
   * The CA has another repository for its next keys; those with a certificate keep the old one. `isBack`: a migration is taken back, and the two
   * repositories change their parts.
   */
  'repository.migrated': event(
    { repository: isRepository, at: isTime, 'isBack?': isFlag },
    (state, { repository, at: since, isBack }) => {
      const { synced, repository: old, ...kept } = state
      if (old === null) return { ...state, repository }
      const leaving = { repository: old, since, ...(synced === undefined ? {} : { synced }) }
      if (isBack !== true) return { ...kept, repository, leaving, classes: mapEntries(state.classes, pinned) }
      const before = state.leaving?.synced
      const classes = mapEntries(state.classes, returned)
      return { ...kept, ...(before === undefined ? {} : { synced: before }), repository, leaving, classes }
    },
  ),
  /** The old repository is sent nothing any more, and no activation waits for relying parties to read it. */
  'repository.abandoned': event({ at: isTime }, (state, { at: abandonedAt }) =>
    state.leaving === undefined
      ? state
      : { ...state, leaving: { ...state.leaving, abandonedAt }, classes: mapEntries(state.classes, hastened) },
  ),
  /** No key publishes in the old repository, and nothing of the CA is left in it. */
  'repository.left': event({ at: isTime }, ({ leaving: _, ...state }) => state),
}

function pinned(own: ResourceClass): ResourceClass {
  const keys = own.keys.map((key) => (key.certificate === null ? key : { ...key, repository: 'leaving' as const }))
  return { ...own, keys }
}

/** Returns a class whose keys at the old repository are at the present one, and the reverse; a key that is not certified publishes in the next one. */
function returned(own: ResourceClass): ResourceClass {
  const keys = own.keys.map((key): ClassKey => {
    const { repository, ...moved } = key
    return repository === 'leaving' || key.state === 'pending' ? moved : { ...moved, repository: 'leaving' }
  })
  return { ...own, keys }
}

function hastened(own: ResourceClass): ResourceClass {
  return own.roll === undefined || nextKey(own) === undefined
    ? own
    : { ...own, roll: { ...own.roll, activateAfter: 0 } }
}

type MigrationEvent = EventOf<typeof migrationEvents> | EventOf<typeof keyrollCancelEvents>

const command = commandsOn<CaState, MigrationEvent, IssuingPorts>()

export const migrationCommands = {
  'repository.migrate': command<{ readonly repository: Repository }>({
    check: checkMigration,
    decide: (_, { repository }, { clock }) => [{ type: 'repository.migrated', repository, at: clock.now() }],
    publishesOnly: false,
    summarize: ({ repository: { transport, base, notify } }) => ({
      ...{ transport, base },
      ...(notify === undefined ? {} : { notify }),
    }),
  }),
  /** Takes a migration back: the new keys are given up, and the CA leaves the new repository. */
  'repository.return': command({
    check: checkReturn,
    decide: ({ leaving, classes }, _, { clock }) => {
      if (leaving === undefined) return []
      const cancelled = Object.values(classes).flatMap((own): readonly MigrationEvent[] => {
        const ski = nextKey(own)?.ski
        return ski === undefined ? [] : [{ type: 'keyroll.cancelled', class: own.name, ski, at: clock.now() }]
      })
      const { repository } = leaving
      return [...cancelled, { type: 'repository.migrated', repository, at: clock.now(), isBack: true }]
    },
    publishesOnly: false,
    summarize: () => ({}),
  }),
  'repository.abandon': command({
    check: checkAbandoning,
    decide: ({ leaving }, _, { clock }) =>
      leaving === undefined || leaving.abandonedAt !== undefined
        ? []
        : [{ type: 'repository.abandoned', at: clock.now() }],
    publishesOnly: false,
    summarize: () => ({}),
  }),
  'repository.leave': command({
    check: () => [],
    decide: (state, _, { clock }) => (isLeft(state) ? [{ type: 'repository.left', at: clock.now() }] : []),
    publishesOnly: false,
    summarize: () => ({}),
  }),
}

function checkMigration(state: CaState, { repository }: { readonly repository: Repository }): readonly Violation[] {
  const { handle, repository: old, leaving } = state
  if (repository.transport === 'rfc8181' && idKey(state, repository.contact.id) === undefined)
    return [{ code: 'id-unknown', message: `${handle} has no ID key ${repository.contact.id}` }]
  if (old === null) return [{ code: 'repo-none', message: `${handle} has no repository yet` }]
  if (leaving !== undefined) {
    const message = `${handle} still leaves ${leaving.repository.base}: one migration at a time`
    return [{ code: 'repository-leaving', message }]
  }
  if (isNested(old.base, repository.base)) {
    const what =
      old.base === repository.base ? 'publishes there already' : `publishes at ${old.base}, and one is inside the other`
    return [{ code: 'repository-same', message: `${handle} cannot migrate to ${repository.base}: it ${what}` }]
  }
  return Object.values(state.classes).flatMap((own) =>
    rollStage(own) === undefined
      ? []
      : [{ code: 'keyroll-open', message: `class ${own.name}: a key roll is open, which has to end first` }],
  )
}

function checkReturn({ handle, leaving, classes }: CaState): readonly Violation[] {
  if (leaving === undefined)
    return [{ code: 'repository-leaving-none', message: `${handle} does not leave a repository` }]
  if (leaving.abandonedAt !== undefined) {
    const message = `${handle} has abandoned ${leaving.repository.base}: its migration cannot be taken back`
    return [{ code: 'repository-abandoned', message }]
  }
  const moved = Object.values(classes).find(({ keys }) =>
    keys.some((key) => key.state === 'current' && isAt('current', key)),
  )
  if (moved === undefined) return []
  const message = `class ${moved.name} of ${handle} issues in the new repository already: its migration cannot be taken back`
  return [{ code: 'repository-active', message }]
}

function checkAbandoning({ handle, leaving }: CaState): readonly Violation[] {
  if (leaving === undefined)
    return [{ code: 'repository-leaving-none', message: `${handle} does not leave a repository` }]
  if (leaving.repository.transport !== 'local') return []
  const message = `the old repository of ${handle} is in this data directory: no answer of it is waited for`
  return [{ code: 'repository-local', message }]
}

/** Returns true if one of two bases is the other or inside it; scheme and host are compared without their case. */
function isNested(one: string, other: string): boolean {
  const [a, b] = [comparable(one), comparable(other)]
  return a.startsWith(b) || b.startsWith(a)
}

function comparable(base: string): string {
  return base.replace(/^rsync:\/\/[^/]+/i, (host) => host.toLowerCase())
}
