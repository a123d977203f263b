/** The proof by replay over a small aggregate: no byte of history changes unseen. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readCommitChain } from '../../../src/core/audit/commits.js'
import type { Finding } from '../../../src/core/audit/finding.js'
import { replayAggregate } from '../../../src/core/audit/replay.js'
import { directorySource } from '../../../src/core/audit/source.js'
import { sha256Hex } from '../../../src/core/crypto/digest.js'
import { formatAggregateId } from '../../../src/core/eventsourcing/types.js'
import type { FileStore } from '../../../src/core/store/commit/file-store.js'
import { encodeRecord } from '../../../src/core/store/disk/records.js'
import {
  add,
  metaAt,
  nameArchived,
  type Scratch,
  scratch,
  stage,
  stageRejected,
  wordRules,
} from '../../support/store/store.js'

let place: Scratch
let store: FileStore

beforeEach(async () => {
  place = scratch()
  store = place.open()
  await store.write(async (writer) => {
    for (let i = 0; i < 8; i++) add(writer, { alice: [`a${i}`, `b${i}`], ...(i % 2 === 0 ? { bob: [`c${i}`] } : {}) })
    writer.commit({ meta: metaAt(writer.head), aggregates: [stageRejected(writer, 'alice')], objects: new Map() })
    add(writer, { carol: ['only'] })
  })
})
afterEach(() => place.remove())

async function audit(full = false, publishesOnly = wordRules.publishesOnly) {
  return store.read(async (reader) => {
    const source = directorySource(store.layout, reader)
    const chain = readCommitChain(source)
    expect(chain.roster).toEqual(reader.roster())
    const aggregates = chain.roster.map((id) => {
      const named = chain.commands.get(formatAggregateId(id)) ?? []
      return {
        id,
        ...replayAggregate({
          source,
          id,
          rules: { ...wordRules, publishesOnly },
          commands: named,
          archive: chain.archive,
          full,
        }),
      }
    })
    return { chain, aggregates, problems: [...chain.problems, ...aggregates.flatMap((a) => a.problems)] }
  })
}

/** Reading ends for a store whose newest commit or first cut cannot be read: that is found too. */
async function problems(full = false): Promise<readonly Finding[] | string> {
  try {
    return (await audit(full)).problems
  } catch (error) {
    return (error as Error).message
  }
}

function historyFiles(): readonly string[] {
  return ['commits', 'cas']
    .flatMap((folder) =>
      readdirSync(join(place.dir, folder), { recursive: true, encoding: 'utf8' }).map((f) => join(folder, f)),
    )
    .filter((path) => statSync(join(place.dir, path)).isFile() && !path.endsWith('info.json'))
}

describe('a history as it was written', () => {
  it('has no fault, and its states are what the commands made', async () => {
    const { chain, aggregates, problems: found } = await audit()
    expect(found).toEqual([])
    expect(chain.count).toBe(10)
    expect(aggregates.map((a) => [a.id.handle, a.commands, a.events, a.archived, a.verifiedFrom])).toEqual([
      ['alice', 9, 16, 0, 0],
      ['bob', 4, 4, 0, 0],
      ['carol', 1, 1, 0, 0],
    ])
    expect(aggregates[1]?.state?.value).toEqual({ words: ['c0', 'c2', 'c4', 'c6'] })
  })
})

describe('a clock reset', () => {
  it('may go back, and what follows it rises again; a later time that goes back is a fault', async () => {
    await store.write(async (writer) => {
      const reset = { ...stage(writer, 'alice', ['back']), command: { type: 'clock.reset', args: {} } }
      writer.commit({ meta: metaAt(2), aggregates: [reset], objects: new Map() })
      // bob was not part of the reset, and its newest command is of the future
      writer.commit({ meta: metaAt(3), aggregates: [stage(writer, 'bob', ['after'])], objects: new Map() })
    })
    expect((await audit()).problems).toEqual([])
    await store.write(async (writer) => {
      writer.commit({ meta: metaAt(1), aggregates: [stage(writer, 'bob', ['late'])], objects: new Map() })
    })
    expect((await audit()).problems.map((p) => [p.file, p.path])).toEqual([
      ['commits/13.json', '$.at'],
      ['cas/bob/command-6.json', '$.at'],
    ])
  })
})

describe('one changed byte', () => {
  it('is found in every file of history, and the file is named', async () => {
    const files = historyFiles()
    expect(files.length).toBeGreaterThan(40)
    for (const path of files) {
      const full = join(place.dir, path)
      const sound = readFileSync(full)
      for (const at of [1, Math.floor(sound.length / 2), sound.length - 2]) {
        const changed = Buffer.from(sound)
        changed[at] = (changed[at] ?? 0) ^ 1
        // a link shares its bytes with the snapshot: change the one name alone
        rmSync(full)
        writeFileSync(full, changed, { mode: 0o600 })
        const found = await problems()
        if (typeof found === 'string') expect(found).toContain(path)
        else expect(found.map((p) => p.file)).toContain(path)
      }
      rmSync(full)
      writeFileSync(full, sound, { mode: 0o600 })
    }
    expect(await problems()).toEqual([])
  })

  it('is found when a file is gone', async () => {
    for (const path of historyFiles().filter((f) => !/snapshot|commits/.test(f))) {
      const full = join(place.dir, path)
      const sound = readFileSync(full)
      rmSync(full)
      const found = await problems()
      expect(Array.isArray(found) ? found.map((p) => p.file) : found).toContain(path)
      writeFileSync(full, sound, { mode: 0o600 })
    }
  })
})

describe('what agrees with its hashes and is wrong all the same', () => {
  it('a snapshot that does not match the state computed from the events', async () => {
    await store.write(async (writer) => {
      const staged = stage(writer, 'alice', ['x', 'y', 'z', 'u', 'v'])
      const effect = { ...staged.effect, state: { words: ['forged'] } } as typeof staged.effect
      writer.commit({ meta: metaAt(writer.head), aggregates: [{ ...staged, effect }], objects: new Map() })
    })
    expect((await audit()).problems).toEqual([
      {
        file: 'cas/alice/snapshot-21.json',
        path: '$.state.words[0]',
        problem: 'does not match the state computed from the events',
      },
    ])
  })

  it('a time that goes back', async () => {
    await store.write(async (writer) => {
      writer.commit({ meta: metaAt(2), aggregates: [stage(writer, 'bob', ['late'])], objects: new Map() })
    })
    expect((await audit()).problems.map((p) => [p.file, p.path])).toEqual([
      ['commits/11.json', '$.at'],
      ['cas/bob/command-5.json', '$.at'],
    ])
  })

  it('a time that goes back beside a clock reset', async () => {
    await store.write(async (writer) => {
      const reset = { ...stage(writer, 'alice', ['back']), command: { type: 'clock.reset', args: {} } }
      writer.commit({ meta: metaAt(2), aggregates: [reset, stage(writer, 'bob', ['late'])], objects: new Map() })
    })
    expect((await audit()).problems.map((p) => [p.file, p.path])).toEqual([
      ['commits/11.json', '$.at'],
      ['cas/alice/command-10.json', '$.at'],
      ['cas/bob/command-5.json', '$.at'],
    ])
  })

  it.each([
    ['$.previous', { previous: 'a'.repeat(64) }],
    ['$.at', { at: '2026-11-21T23:20:08Z' }],
    ['$.version', { version: 1 }],
    ['$.commit', { commit: 9 }],
    ['$.effect.events', { effect: { result: 'accepted', events: [], snapshot: null } }],
  ])('a command record that its commit names, with another %s', async (path, patch) => {
    const [command, commit] = [join(place.dir, 'cas/carol/command-1.json'), join(place.dir, 'commits/10.json')]
    const forged = encodeRecord({ ...JSON.parse(readFileSync(command, 'utf8')), ...patch })
    const old = sha256Hex(readFileSync(command))
    writeFileSync(command, forged)
    writeFileSync(commit, readFileSync(commit, 'utf8').replace(old, sha256Hex(forged)))
    // the cache of the head knows the old commit
    rmSync(join(place.dir, 'status/head.json'))
    const found = (await audit()).problems
    expect(found.map((p) => `${p.file} ${p.path}`)).toContain(`cas/carol/command-1.json ${path}`)
    expect(found.filter((p) => !p.file.startsWith('cas/carol/'))).toEqual([])
  })

  it.each<[string, object, string, string]>([
    ['under another name', { type: 'added', words: 'x' }, '$.event.words', 'unknown member "words" of added'],
    ['missing', { type: 'added' }, '$.event.word', 'missing member "word" of added'],
    ['of another type', { type: 'added', word: 1 }, '$.event.word', 'wrong value "word" of added'],
  ])('an event with a member that is %s, and replay goes on', async (_, event, path, problem) => {
    await store.write(async (writer) => {
      const staged = stage(writer, 'carol', ['x'])
      const effect = { ...staged.effect, events: [event] } as typeof staged.effect
      writer.commit({ meta: metaAt(writer.head), aggregates: [{ ...staged, effect }], objects: new Map() })
      add(writer, { carol: ['y'] })
    })
    const { aggregates, problems: found } = await audit()
    expect(found).toEqual([{ file: 'cas/carol/event-1.json', path, problem }])
    expect(aggregates.find(({ id }) => id.handle === 'carol')).toMatchObject({ events: 3 })
  })

  it('a snapshot that no record names', async () => {
    writeFileSync(join(place.dir, 'cas/alice/snapshot-7.json'), '{}')
    expect((await audit()).problems.map((p) => p.file)).toEqual(['cas/alice/snapshot-7.json'])
  })
})

describe('archived history', () => {
  const older = (dir: string) => readdirSync(dir).filter((name) => /^(command-[1-5]|event-[0-9])\.json$/.test(name))

  /** Commands 1 to 5 with events 0 to 9. */
  const noteArchived = async (): Promise<void> => {
    await nameArchived(store, 'alice', [1, 5])
    writeIndex()
  }
  const writeIndex = (): void => {
    const range = { from: 1, to: 5, fromVersion: 0, toVersion: 10, type: 'add', actor: 'tester', dir: null }
    writeFileSync(join(place.dir, 'cas/alice/archived.json'), encodeRecord({ format: 1, ranges: [range] }))
  }

  it('is read where it lies, and counted', async () => {
    const dir = join(place.dir, 'cas/alice')
    mkdirSync(join(dir, 'archived'))
    for (const name of older(dir)) renameSync(join(dir, name), join(dir, 'archived', name))
    const { aggregates, problems: found } = await audit(true)
    expect(found).toEqual([])
    expect(aggregates[0]).toMatchObject({ archived: 15, verifiedFrom: 0, events: 16 })
  })

  it('may lie elsewhere: verified from the first snapshot kept, unless all of it is demanded', async () => {
    const dir = join(place.dir, 'cas/alice')
    await noteArchived()
    for (const name of older(dir)) rmSync(join(dir, name))
    const { aggregates, problems: found } = await audit()
    expect(found).toEqual([])
    expect(aggregates[0]).toMatchObject({ verifiedFrom: 16, events: 16, commands: 9 })
    expect(aggregates[0]?.state?.value).toMatchObject({ words: { length: 16 } })
    expect((await audit(true)).problems.map((p) => p.file)).toContain('cas/alice/event-0.json')
  })

  it('that no commit names is a fault, whatever archived.json says', async () => {
    const dir = join(place.dir, 'cas/alice')
    writeIndex()
    for (const name of older(dir)) rmSync(join(dir, name))
    expect((await audit()).problems.map((p) => p.file)).toContain('cas/alice/command-1.json')
  })

  it('whose record is not kept is a fault, though a commit names it', async () => {
    const dir = join(place.dir, 'cas/alice')
    await noteArchived()
    for (const name of older(dir)) rmSync(join(dir, name))
    const path = join(dir, 'archived-records.jsonl')
    const lines = readFileSync(path, 'utf8').split('\n')
    writeFileSync(path, lines.filter((_, i) => i !== 2).join('\n'))
    expect((await audit()).problems.map((p) => p.file)).toEqual(['cas/alice/command-3.json'])
    rmSync(path)
    const lost = (await audit()).problems.map((p) => p.file)
    expect(lost.filter((file) => file.includes('command-'))).toHaveLength(5)
  })

  it('of a command that does more than publish is a fault, though a commit names it', async () => {
    const dir = join(place.dir, 'cas/alice')
    await noteArchived()
    for (const name of older(dir)) rmSync(join(dir, name))
    const { problems: found } = await audit(false, () => false)
    expect(found.map((p) => p.file)).toContain('cas/alice/event-0.json')
  })

  it('excuses nothing else: what was not archived is there, and is what its commit names', async () => {
    const dir = join(place.dir, 'cas/alice')
    await noteArchived()
    for (const name of older(dir)) rmSync(join(dir, name))
    rmSync(join(dir, 'command-6.json'))
    writeFileSync(join(dir, 'event-12.json'), '{}')
    expect((await audit()).problems.map((p) => p.file)).toEqual(['cas/alice/event-12.json', 'cas/alice/command-6.json'])
  })

  it('is checked by hash where some of it is still here', async () => {
    const dir = join(place.dir, 'cas/alice')
    await noteArchived()
    for (const name of older(dir)) if (name !== 'event-3.json' && name !== 'command-2.json') rmSync(join(dir, name))
    expect((await audit()).problems).toEqual([])
    writeFileSync(join(dir, 'event-3.json'), '{}')
    expect((await audit()).problems.map((p) => p.file)).toEqual(['cas/alice/event-3.json'])
  })

  it('that was never archived and is gone is a fault', async () => {
    const dir = join(place.dir, 'cas/alice')
    mkdirSync(join(dir, 'archived'))
    for (const name of older(dir)) rmSync(join(dir, name))
    expect((await audit()).problems.map((p) => p.file)).toContain(relative(place.dir, join(dir, 'command-1.json')))
  })
})
