/** History over the memory store: order, filters, and reading no more than is shown. */
import { describe, expect, it } from 'vitest'
import { type HistoryFilter, listCommands } from '../../../../src/core/app/proof/history.js'
import { AppError } from '../../../../src/core/base/errors.js'
import { parseMoment } from '../../../../src/core/base/moment.js'
import { addSeconds } from '../../../../src/core/base/time.js'
import type { Reader } from '../../../../src/core/eventsourcing/store.js'
import { memoryStore } from '../../../../src/core/store/commit/memory-store.js'
import { add, ca, metaAt, stage, stageRejected, T0 } from '../../../support/store/store.js'

async function reader(): Promise<Reader> {
  const store = memoryStore()
  await store.write(async (writer) => {
    add(writer, { alice: ['a'], bob: ['b'] })
    add(writer, { alice: ['c', 'd'] })
    writer.commit({ meta: metaAt(writer.head), aggregates: [stageRejected(writer, 'bob')], objects: new Map() })
    const other = { ...stage(writer, 'alice', ['e']), command: { type: 'words.sort', args: {} } }
    const meta = { ...metaAt(writer.head), actor: 'ann', reason: 'order' }
    writer.commit({ meta, aggregates: [other], objects: new Map() })
  })
  return store.read(async (r) => r)
}

const names = (r: Reader, filter: HistoryFilter = {}, ids = r.roster()) => {
  const { commands, total } = listCommands(r, ids, filter, addSeconds(T0, 60))
  return { rows: commands.map((c) => `${c.handle} ${c.sequence}`), total }
}

describe('a listing', () => {
  it('is newest first over all aggregates, one or several', async () => {
    const r = await reader()
    expect(names(r)).toEqual({ rows: ['alice 3', 'bob 2', 'alice 2', 'alice 1', 'bob 1'], total: 5 })
    expect(names(r, {}, [ca('bob')])).toEqual({ rows: ['bob 2', 'bob 1'], total: 2 })
  })

  it('goes by commits where several fall into one second', async () => {
    const store = memoryStore()
    await store.write(async (writer) => {
      for (const name of ['alice', 'carol', 'bob'])
        writer.commit({ meta: metaAt(0), aggregates: [stage(writer, name, ['x'])], objects: new Map() })
    })
    expect(names(await store.read(async (r) => r)).rows).toEqual(['bob 1', 'carol 1', 'alice 1'])
  })

  it('shows a window and counts all', async () => {
    const r = await reader()
    expect(names(r, { rows: 2 })).toEqual({ rows: ['alice 3', 'bob 2'], total: 5 })
    expect(names(r, { rows: 2, offset: 3 })).toEqual({ rows: ['alice 1', 'bob 1'], total: 5 })
    expect(names(r, { offset: 9 })).toEqual({ rows: [], total: 5 })
  })

  it('filters by type, topic, actor and time, and counts what matches', async () => {
    const r = await reader()
    expect(names(r, { types: ['words'] })).toEqual({ rows: ['alice 3'], total: 1 })
    expect(names(r, { types: ['word'] })).toEqual({ rows: [], total: 0 })
    expect(names(r, { types: ['add', 'words.sort'], rows: 1 })).toEqual({ rows: ['alice 3'], total: 5 })
    expect(names(r, { actor: 'ann' })).toEqual({ rows: ['alice 3'], total: 1 })
    const at = (text: string) => parseMoment(text)
    // commits are a second apart from T0 on, and the present is a minute later: 58 s ago is the third
    expect(names(r, { after: at('58s') })).toEqual({ rows: ['alice 3', 'bob 2'], total: 2 })
    expect(names(r, { before: at('58s') })).toEqual({ rows: ['alice 2', 'alice 1', 'bob 1'], total: 3 })
    expect(names(r, { after: at(T0), before: at(addSeconds(T0, 1)) })).toEqual({ rows: ['alice 1', 'bob 1'], total: 2 })
  })

  it('says who, why and what came of it', async () => {
    const r = await reader()
    const { commands } = listCommands(r, r.roster(), {}, T0)
    expect(commands[0]).toMatchObject({
      kind: 'ca',
      actor: 'ann',
      reason: 'order',
      result: 'accepted',
      events: 1,
      error: null,
    })
    expect(commands[1]).toMatchObject({
      result: 'rejected',
      events: 0,
      reason: null,
      error: { code: 'word-refused', message: 'no' },
    })
    expect(commands[2]).toMatchObject({ version: 1, events: 2 })
  })

  it('reads no record that is not shown, and does not pass over one that cannot be read', async () => {
    const r = await reader()
    const broken: Reader = Object.create(r, {
      command: {
        value: (id: Parameters<Reader['command']>[0], sequence: number) => {
          if (id.handle === 'alice' && sequence === 1) throw new AppError('corrupt', 'file-damaged', 'command-1.json')
          return r.command(id, sequence)
        },
      },
    })
    expect(names(broken, { rows: 2 })).toEqual({ rows: ['alice 3', 'bob 2'], total: 5 })
    expect(() => names(broken, { rows: 4 })).toThrow('command-1.json')
    expect(() => names(broken, { actor: 'ann' })).toThrow('command-1.json')
  })
})
