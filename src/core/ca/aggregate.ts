/** The CA aggregate: its tables of events and commands, put together from the parts that the topic files declare. */
import type { Json } from '../base/json.js'
import { sortedEntries } from '../base/record.js'
import { type CommandOf, declare, type EventOf, joined } from '../eventsourcing/declare.js'
import type { Aggregate } from '../eventsourcing/types.js'
import type { IssuingPorts } from '../issuing/ports.js'
import { knownKind, type PointKind } from '../rpki/object-kinds.js'
import { aspaCommands, aspaEvents } from './aspas.js'
import { childCommands, childEvents } from './children.js'
import { classCommands, classEvents } from './classes.js'
import { clockCommands, clockEvents } from './clock.js'
import { idCommands, idEvents } from './ids.js'
import { keyrollCommands, keyrollEvents } from './keyroll.js'
import { keyrollCancelCommands, keyrollCancelEvents } from './keyroll-cancel.js'
import { lifecycleCommands, lifecycleEvents } from './lifecycle.js'
import { migrationCommands, migrationEvents } from './migration.js'
import { parentListCommands, parentListEvents } from './parent-lists.js'
import { publishingCommands, publishingEvents } from './publishing.js'
import { remoteChildCommands, remoteChildEvents } from './remote-children.js'
import { remoteParentCommands, remoteParentEvents } from './remote-parents.js'
import { remoteRepositoryCommands, remoteRepositoryEvents } from './remote-repository.js'
import { logicalSchedule, roaScheduleEvents } from './roa-schedule.js'
import { roaCommands, roaEvents } from './roas.js'
import { routerCommands, routerEvents } from './routers.js'
import type { Repository } from './state/contacts.js'
import { type CaState, initialCa } from './state/state.js'

const events = joined(
  lifecycleEvents,
  idEvents,
  classEvents,
  remoteParentEvents,
  parentListEvents,
  remoteRepositoryEvents,
  migrationEvents,
  childEvents,
  remoteChildEvents,
  roaEvents,
  roaScheduleEvents,
  aspaEvents,
  routerEvents,
  publishingEvents,
  keyrollEvents,
  keyrollCancelEvents,
  clockEvents,
)
const commands = joined(
  lifecycleCommands,
  idCommands,
  classCommands,
  remoteParentCommands,
  parentListCommands,
  remoteRepositoryCommands,
  migrationCommands,
  childCommands,
  remoteChildCommands,
  roaCommands,
  aspaCommands,
  routerCommands,
  publishingCommands,
  keyrollCommands,
  keyrollCancelCommands,
  clockCommands,
)

/** STORED. Types and members are never renamed: a new shape is a new type. */
export type CaEvent = EventOf<typeof events>
export type CaCommand = CommandOf<typeof commands>
export type CaAggregate = Aggregate<CaState, CaCommand, CaEvent, IssuingPorts>

export const ca: CaAggregate = declare<CaState, CaCommand, CaEvent, IssuingPorts>({
  kind: 'ca',
  initial: initialCa,
  events,
  commands,
  precondition: ({ status, handle }, { type }) =>
    status === 'active' || type === 'ca.add' || type === 'clock.reset' || type === 'keys.destroy'
      ? []
      : [{ code: 'ca-unknown', message: `there is no CA ${handle}` }],
  logical,
})

/** Names, resources, ROAs, ASPAs and router keys: what two machines that ran the same commands share. */
function logical(state: CaState): Json {
  return {
    handle: state.handle,
    status: state.status,
    repository: state.repository === null ? null : placeOf(state.repository),
    ...(state.leaving === undefined ? {} : { leaving: placeOf(state.leaving.repository) }),
    parents: sortedEntries(state.parents).map(([name, p]) =>
      p.transport === 'local'
        ? [name, p.aggregate.kind, p.aggregate.handle, p.childName]
        : [name, p.transport, p.parentName, p.childName],
    ),
    children: sortedEntries(state.children).map(([name, c]) => [
      name,
      { ...c.resources },
      Object.keys(c.issued).length,
    ]),
    classes: sortedEntries(state.classes).map(([name, c]) => [
      name,
      c.parent,
      c.parentClass,
      c.aggregated,
      c.keys.map((k) => [
        k.state,
        ...(k.repository === undefined ? [] : [k.repository]),
        k.certificate === null ? null : { ...k.certificate.resources },
        namesOf('roa', k.point.objects),
        // left out of the digest where there are none, as before there were any
        ...namesIfAny('asa', k.point.objects),
        ...namesIfAny('router', k.point.objects),
      ]),
    ]),
    roas: sortedEntries(state.roas).map(([text, config]) => [text, config.comment]),
    ...(state.scheduled === undefined ? {} : { scheduled: logicalSchedule(state.scheduled) }),
    ...(Object.keys(state.aspas ?? {}).length === 0
      ? {}
      : {
          aspas: sortedEntries(state.aspas ?? {}).map(([key, { providers, comment }]) => [
            key,
            [...providers],
            comment,
          ]),
        }),
    ...(Object.keys(state.routers ?? {}).length === 0
      ? {}
      : {
          routers: sortedEntries(state.routers ?? {}).map(([name, { routerId, comment, replaces }]) => [
            name,
            routerId,
            comment,
            ...(replaces === undefined ? [] : [replaces.router, replaces.after]),
          ]),
        }),
  }
}

/** Without the keys of a contact, which two machines do not share. */
function placeOf({ transport, base, notify }: Repository): Json {
  return { transport, base, ...(notify === undefined ? {} : { notify }) }
}

function namesOf(kind: PointKind, objects: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.keys(objects)
    .filter((name) => knownKind(name) === kind)
    .sort()
}

function namesIfAny(kind: PointKind, objects: Readonly<Record<string, unknown>>): readonly (readonly string[])[] {
  const names = namesOf(kind, objects)
  return names.length === 0 ? [] : [names]
}
