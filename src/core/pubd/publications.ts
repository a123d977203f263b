/**
 * Publications: changes of content and the serials that they make.
 * Invariant: one command that changes content is one serial, and its event carries the whole delta (RFC 8182 section 3.3).
 */
import type { Violation } from '../base/errors.js'
import type { Handle } from '../base/handle.js'
import { entry, withEntries } from '../base/record.js'
import { isCount, isPositive, isText, isTime, listOf } from '../base/shape.js'
import { quoted } from '../base/text.js'
import { commandsOn, type EventOf, eventsOn } from '../eventsourcing/declare.js'
import { deltaChange, type PublisherChange, retainedDeltas, snapshotReaches } from './content.js'
import { changeTime, newPart, type PubdPorts } from './ports.js'
import { contentOf, staging, withStaged } from './staged.js'
import { type DeltaChange, isDeltaChange, type ObjectRef, type PubdState, type Publisher } from './state.js'
import { objectNameProblem } from './uri.js'

const event = eventsOn<PubdState>()

export const publicationEvents = {
  published: event(
    {
      serial: isPositive,
      at: isTime,
      part: isText,
      changes: listOf(isDeltaChange),
      /** Number of deltas, this one included, that the notification lists from now on. */
      retained: isCount,
    },
    (state, { serial, at, part, changes, retained }) => {
      const deltas = [{ serial, at, part, changes }, ...state.deltas].slice(0, retained)
      // one copy of the table for the event, however many publishers change
      const changed = new Map<string, Publisher>()
      for (const change of changes) {
        const publisher = changed.get(change.publisher) ?? entry(state.publishers, change.publisher)
        if (publisher === undefined) continue
        const objects = withEntries(publisher.objects, puts(change), drops(change))
        changed.set(change.publisher, { ...staging(publisher, undefined), updatedAt: at, objects })
      }
      const publishers = withEntries(state.publishers, changed)
      return { ...state, serial, updatedAt: at, part, publishers, deltas }
    },
  ),
}
export type Published = EventOf<typeof publicationEvents>

function* puts(change: DeltaChange): Generator<readonly [string, ObjectRef]> {
  for (const { name, sha256, size } of change.put) yield [name, { sha256, size }]
}

function* drops(change: DeltaChange): Generator<string> {
  for (const { name } of change.drop) yield name
}

const command = commandsOn<PubdState, Published, PubdPorts>()

export const publicationCommands = {
  publish: command<{ readonly changes: readonly PublisherChange[] }>({
    check: checkPublication,
    decide: (state, { changes }, ports) => publication(state, changes, ports),
    publishesOnly: true,
    /** Counts, not names: the event has those, and a publication may hold thousands. */
    summarize: ({ changes }) => ({
      changes: changes.map(({ publisher, put, drop }) => ({ publisher, put: put.length, drop: drop.length })),
    }),
  }),
}

/** Returns the next serial, with what the publishers have staged; nothing when nothing would change, since RFC 8182 has no empty delta. */
export function publication(
  state: PubdState,
  requested: readonly PublisherChange[],
  ports: PubdPorts,
): readonly Published[] {
  const changes: DeltaChange[] = []
  for (const change of requested) {
    const publisher = entry(state.publishers, change.publisher)
    if (publisher === undefined) continue
    const whole = withStaged(publisher, change)
    const changed = deltaChange(change.publisher, publisher.base, publisher.objects, whole)
    if (changed !== undefined) changes.push(changed)
  }
  if (changes.length === 0) return []
  changes.sort((a, b) => (a.base < b.base ? -1 : 1))
  const at = changeTime(state, ports)
  const part = newPart(ports.random)
  const all: Published = {
    ...{ type: 'published', serial: state.serial + 1, at, part, changes },
    retained: state.deltas.length + 1,
  }
  const next = publicationEvents.published.evolve(state, all)
  const retained = retainedDeltas(next.sessionId, next.deltas, snapshotReaches(next), at, ports.retention)
  return [{ ...all, retained }]
}

/** Returns the violations of changes of several publishers. */
export function checkPublication(
  state: PubdState,
  { changes }: { readonly changes: readonly PublisherChange[] },
): readonly Violation[] {
  const found: Violation[] = []
  const named = new Set<Handle>()
  for (const change of changes) {
    const publisher = entry(state.publishers, change.publisher)
    if (publisher === undefined) found.push(unknownPublisher(change.publisher))
    else if (named.has(change.publisher))
      found.push(violation('publisher-duplicate', `publisher ${change.publisher} appears twice in one publication`))
    else found.push(...checkChange(publisher, change))
    named.add(change.publisher)
  }
  return found
}

/** Returns the violations of a change to what a publisher wants to be published. */
export function checkChange(publisher: Publisher, change: PublisherChange): readonly Violation[] {
  const found: Violation[] = []
  const content = contentOf(publisher)
  const named = new Set<string>()
  const once = (name: string): void => {
    if (named.has(name))
      found.push(
        violation('object-duplicate', `${quoted(name, 200)} of ${change.publisher} appears twice in one publication`),
      )
    named.add(name)
  }
  for (const { name, sha256, size } of change.put) {
    once(name)
    const problem = objectNameProblem(publisher.base, name)
    if (problem !== undefined)
      found.push(violation('object-name', `${quoted(name, 200)} of ${change.publisher} ${problem}`))
    if (!/^[0-9a-f]{64}$/.test(sha256) || !Number.isSafeInteger(size) || size < 1)
      found.push(
        violation('object-invalid', `${quoted(name, 200)} of ${change.publisher} has no valid SHA-256 and size`),
      )
  }
  for (const name of change.drop) {
    once(name)
    if (entry(content, name) === undefined)
      found.push(violation('object-unknown', `${quoted(name, 200)} of ${change.publisher} is not published`))
  }
  return found.length > 0 ? found : conflicts(content, change)
}

/**
 * A name cannot be a file and a folder at once: the tree on disk has one place for it. What is published has no such names, so that only new ones
 * are compared, with the folders above them and, in one pass that copies nothing, with the folders of what stays.
 */
function conflicts(content: Publisher['objects'], change: PublisherChange): readonly Violation[] {
  const drop = new Set(change.drop)
  const names = new Set(change.put.map(({ name }) => name).filter((n) => entry(content, n) === undefined))
  if (names.size === 0) return []
  const isFile = (name: string): boolean => names.has(name) || (entry(content, name) !== undefined && !drop.has(name))
  const found = new Set<string>()
  for (const name of names) for (const folder of foldersOf(name)) if (isFile(folder)) found.add(folder)
  for (const name in content) {
    if (!name.includes('/') || drop.has(name)) continue
    for (const folder of foldersOf(name)) if (names.has(folder)) found.add(folder)
  }
  return [...found].map((folder) =>
    violation('object-conflict', `${quoted(folder, 200)} of ${change.publisher} would be an object and a folder`),
  )
}

/** Yields the folders that a name is in, the top one first. */
function* foldersOf(name: string): Generator<string> {
  for (let at = name.indexOf('/'); at !== -1; at = name.indexOf('/', at + 1)) yield name.slice(0, at)
}

export function unknownPublisher(publisher: string): Violation {
  return violation('publisher-unknown', `there is no publisher ${quoted(publisher, 200)}`)
}

function violation(code: string, message: string): Violation {
  return { code, message }
}
