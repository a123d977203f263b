/** Every published object must have been named by an event of its publisher. */
import { expect, it } from 'vitest'
import { AccountedObjects } from '../../../../src/core/app/proof/accounted-objects.js'
import type { Replayed } from '../../../../src/core/audit/replay.js'
import type { HistorySource } from '../../../../src/core/audit/source.js'
import { parseHandle } from '../../../../src/core/base/handle.js'
import type { AggregateId, Kind } from '../../../../src/core/eventsourcing/types.js'

const id = (kind: Kind, name: string): AggregateId => ({ kind, handle: parseHandle(name) })
const source = { nameOf: () => 'pubd/0' } as unknown as HistorySource
const [A, B, C] = ['a'.repeat(64), 'b'.repeat(64), 'c'.repeat(64)]
const replayed = (value: unknown, problems: Replayed['problems'] = []) =>
  ({ state: { value }, problems }) as unknown as Replayed
const served = (content: Record<string, Record<string, string>>) => ({
  publishers: Object.fromEntries(
    Object.entries(content).map(([name, objects]) => [
      name,
      { objects: Object.fromEntries(Object.entries(objects).map(([file, sha256]) => [file, { sha256, size: 1 }])) },
    ]),
  ),
})

function accounts(content: Record<string, Record<string, string>>): AccountedObjects {
  const all = new AccountedObjects(source)
  all.close(id('pubd', '0'), replayed(served(content)))
  return all
}

it('finds what no event of the publisher named, and where it is served', () => {
  const all = accounts({ acme: { '0/a.roa': A ?? '', '0/b.roa': B ?? '' } })
  all.watcher(id('ca', 'acme')).event?.({ type: 'point.issued', issue: { put: [{ sha256: A }] } } as never)
  // another CA named it: that is not enough
  all.watcher(id('ca', 'other')).event?.({ type: 'point.issued', issue: { put: [{ sha256: B }] } } as never)
  all.close(id('ca', 'acme'), replayed({}))
  expect(all.unaccounted()).toEqual([
    {
      file: 'pubd/0',
      path: "$.publishers.acme.objects['0/b.roa']",
      problem: `${B} is published, but no event of acme references it`,
    },
  ])
})

it('takes the state that an archived history begins with for its events', () => {
  const all = accounts({ acme: { '0/a.roa': A ?? '' } })
  all.watcher(id('ca', 'acme')).base?.({ classes: { '0': { keys: [{ crl: { sha256: A ?? '' } }] } } }, 7)
  all.close(id('ca', 'acme'), replayed({}))
  expect(all.unaccounted()).toEqual([])
})

it('asks nothing of publishers elsewhere, nor of a CA whose history is damaged', () => {
  const all = accounts({ remote: { 'x.roa': A ?? '' }, acme: { 'y.roa': C ?? '' } })
  all.close(id('ca', 'acme'), replayed({}, [{ file: 'x', path: '$', problem: 'gone' }]))
  expect(all.unaccounted()).toEqual([])
})

it('a state of another shape is a problem and no crash', () => {
  const all = new AccountedObjects(source)
  all.close(id('pubd', '0'), replayed({ publishers: { acme: 5 } }))
  expect(all.unaccounted()).toEqual([{ file: 'pubd/0', path: '$', problem: 'does not have the shape of its type' }])
})
