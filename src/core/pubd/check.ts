/** The rules of the publication server: every fault of a command against the state, pure, all of them at once. */
import type { Violation } from '../base/errors.js'
import { type Handle, isHandle } from '../base/handle.js'
import { entry } from '../base/record.js'
import type { PubdCommand, PublisherChange } from './commands.js'
import type { PubdState, Publisher } from './state.js'
import { baseFaults, objectNameFault, publisherBase } from './uri.js'

/** Every fault; empty when the command may run. */
export function checkPubd(state: PubdState, command: PubdCommand): readonly Violation[] {
  if (state.serial === 0 && command.type !== 'pubserver.init')
    return [fault('pubserver-not-initialised', 'the publication server is not set up')]
  switch (command.type) {
    case 'pubserver.init':
      return initFaults(state, command.rsyncBase, command.rrdpBase)
    case 'publisher.add':
      return addFaults(state, command.publisher, command.base)
    case 'publisher.remove':
      return entry(state.publishers, command.publisher) === undefined ? [unknown(command.publisher)] : []
    case 'publish':
      return publishFaults(state, command.changes)
    case 'session.reset':
      return []
  }
}

function initFaults(state: PubdState, rsyncBase: string, rrdpBase: string): readonly Violation[] {
  if (state.serial === 0) return baseFaults(rsyncBase, rrdpBase)
  if (state.rsyncBase === rsyncBase && state.rrdpBase === rrdpBase) return []
  const message = `the publication server is already set up with ${state.rsyncBase} and ${state.rrdpBase}`
  return [fault('pubserver-exists', message)]
}

function addFaults(state: PubdState, publisher: Handle, base: string): readonly Violation[] {
  if (!isHandle(publisher)) return [fault('handle-invalid', `invalid handle ${quote(publisher)}`)]
  if (entry(state.publishers, publisher) !== undefined)
    return [fault('publisher-exists', `publisher ${publisher} exists already`)]
  const wanted = publisherBase(state.rsyncBase, publisher)
  if (base === wanted) return []
  return [fault('publisher-base', `publisher ${publisher} must have the base ${wanted}, not ${quote(base)}`)]
}

function publishFaults(state: PubdState, changes: readonly PublisherChange[]): readonly Violation[] {
  const faults: Violation[] = []
  const seen = new Set<Handle>()
  for (const change of changes) {
    const publisher = entry(state.publishers, change.publisher)
    if (publisher === undefined) faults.push(unknown(change.publisher))
    else if (seen.has(change.publisher))
      faults.push(fault('publisher-duplicate', `publisher ${change.publisher} stands twice in one publication`))
    else faults.push(...changeFaults(publisher, change))
    seen.add(change.publisher)
  }
  return faults
}

function changeFaults(publisher: Publisher, change: PublisherChange): readonly Violation[] {
  const faults: Violation[] = []
  const named = new Set<string>()
  const once = (name: string): void => {
    if (named.has(name))
      faults.push(fault('object-duplicate', `${quote(name)} of ${change.publisher} stands twice in one publication`))
    named.add(name)
  }
  for (const { name, sha256, size } of change.put) {
    once(name)
    const why = objectNameFault(publisher.base, name)
    if (why !== undefined) faults.push(fault('object-name', `${quote(name)} of ${change.publisher} ${why}`))
    if (!/^[0-9a-f]{64}$/.test(sha256) || !Number.isSafeInteger(size) || size < 1)
      faults.push(fault('object-invalid', `${quote(name)} of ${change.publisher} has no valid SHA-256 and size`))
  }
  for (const name of change.drop) {
    once(name)
    if (entry(publisher.objects, name) === undefined)
      faults.push(fault('object-unknown', `${quote(name)} of ${change.publisher} is not published`))
  }
  if (faults.length === 0) faults.push(...conflicts(publisher, change))
  return faults
}

/** A name cannot be a file and a folder at once: the tree on disk has one place for it. */
function conflicts(publisher: Publisher, change: PublisherChange): readonly Violation[] {
  const names = new Set(Object.keys(publisher.objects))
  for (const name of change.drop) names.delete(name)
  for (const { name } of change.put) names.add(name)
  const folders = new Set<string>()
  for (const name of names) {
    for (let at = name.indexOf('/'); at !== -1; at = name.indexOf('/', at + 1)) folders.add(name.slice(0, at))
  }
  return [...folders]
    .filter((folder) => names.has(folder))
    .map((folder) =>
      fault('object-conflict', `${quote(folder)} of ${change.publisher} would be an object and a folder`),
    )
}

function unknown(publisher: string): Violation {
  return fault('publisher-unknown', `there is no publisher ${quote(publisher)}`)
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 200))
}

function fault(code: string, message: string): Violation {
  return { code, message }
}
