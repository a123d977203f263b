/** A made-up history whose hashes all fit, given to the real rules: problems, and never a crash. */
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { verifyExport } from '../../../../src/core/app/proof/export.js'
import { readCommitChain } from '../../../../src/core/audit/commits.js'
import { exportLines } from '../../../../src/core/audit/export-writer.js'
import { directorySource } from '../../../../src/core/audit/source.js'
import { parseHandle } from '../../../../src/core/base/handle.js'
import type { Json } from '../../../../src/core/base/json.js'
import type { Kind } from '../../../../src/core/eventsourcing/types.js'
import { writeUserStream } from '../../../../src/core/store/disk/user-files.js'
import { metaAt, type Scratch, scratch } from '../../../support/store/store.js'

let place: Scratch
beforeEach(() => {
  place = scratch()
})
afterEach(() => place.remove())

/** The problems of a history with this one event. */
async function problems(kind: Kind, event: Json): Promise<readonly string[]> {
  const store = place.open()
  const out = join(place.dir, '../made-up.jsonl')
  await store.write(async (writer) => {
    const id = { kind, handle: parseHandle('x') }
    const effect = { result: 'accepted' as const, events: [event as never], state: {} }
    const staged = { id, version: 0, sequence: 0, command: { type: 'forge', args: {} }, effect }
    writer.commit({ meta: metaAt(0), aggregates: [staged], objects: new Map() })
  })
  await store.read(async (reader) => {
    const source = directorySource(store.layout, reader)
    const { head } = readCommitChain(source)
    const header = { instance: 'a1b2', generation: 1, commits: 1, head, at: reader.at ?? null }
    writeUserStream(out, exportLines(source, { header: { ...header, missing: [], objects: true }, objects: [] }))
  })
  const report = verifyExport(out, { full: false, checkpoints: [], verifierKeys: [] })
  return [...report.problems, ...report.aggregates.flatMap((a) => a.problems)].map((p) => `${p.file}: ${p.problem}`)
}

const shape = 'does not have the shape of its type'

// `true`: the state that evolve makes of the event is reported as well
it.each<[Kind, Json, string, boolean?]>([
  ['ca', { type: 'point.issued', class: '0', ski: 'x' }, 'wrong value "ski" of point.issued'],
  ['ca', { type: 'class.removed', class: { a: 1 } }, 'wrong value "class" of class.removed'],
  ['ca', { type: 'roas.updated', added: 5, removed: null }, 'wrong value "added" of roas.updated'],
  ['ca', { type: 'child.added', child: '__proto__', resources: null }, 'wrong value "resources" of child.added'],
  ['ta', { type: 'point.issued', issue: null }, 'wrong value "issue" of point.issued'],
  ['ta', { type: 'ta.initialised', key: 7, place: [] }, 'wrong value "key" of ta.initialised', true],
  [
    'pubd',
    { type: 'published', changes: [null], serial: 1, at: 1, part: 1, retained: 1 },
    'wrong value "at" of published',
  ],
  ['pubd', { type: 'publisher.added', publisher: 'x', base: 3, at: 4 }, 'wrong value "base" of publisher.added'],
])('%s %j', async (kind, event, problem, alsoState = false) => {
  const folder = kind === 'ca' ? 'cas/x' : `${kind}/x`
  const found = await problems(kind, event)
  expect(found).toContain(`${folder}/event-0.json: ${problem}`)
  const others = found.filter((p) => p !== `${folder}/event-0.json: ${problem}`)
  if (alsoState) expect(others).toContain(`${folder}: ${shape}`)
  expect(others.filter((p) => !p.endsWith(shape))).toEqual([])
})

it('an event of a type that nobody knows was written by a newer program', async () => {
  await expect(problems('ca', { type: 'ca.teleported' })).rejects.toMatchObject({ code: 'event-newer' })
})
