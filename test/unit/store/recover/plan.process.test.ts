/** Recovery of a small store: each kind of file, each kind of damage; never further back than necessary, and never twice. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Instant } from '../../../../src/core/base/time.js'
import { openStore } from '../../../../src/core/store/commit/file-store.js'
import {
  interruptedGeneration,
  thisInstallation,
  writeInstallationId,
} from '../../../../src/core/store/directory/installation-id.js'
import { onFileOperation } from '../../../../src/core/store/disk/io-error.js'
import { auditWords, planOf, recoverWords } from '../../../support/store/recovery.js'
import { add, ca, scratch, wordsOf } from '../../../support/store/store.js'
import { storeCopies } from '../../../support/store/store-copies.js'

/** Twelve events: snapshots at 5 and 10; command 4 is shared with y; 13 is rejected; the last two commits. */
const words = Array.from({ length: 12 }, (_, n) => `${n}`)
const copies = storeCopies((w) => {
  for (let n = 0; n < 12; n++) add(w, n === 3 ? { x: [`${n}`], y: ['y'] } : { x: [`${n}`] })
})
let dir = ''
beforeEach(() => {
  dir = copies.dir
})
const at = (path: string): string => join(dir, path)

type Damage = 'flip' | 'truncate' | 'delete' | 'folder'

function damage(path: string, how: Damage): void {
  const file = at(path)
  const bytes = readFileSync(file)
  unlinkSync(file)
  if (how === 'folder') mkdirSync(file)
  if (how === 'delete' || how === 'folder') return
  const changed = Buffer.from(bytes)
  changed[Math.floor(bytes.length / 2)] = (changed[Math.floor(bytes.length / 2)] ?? 0) ^ 1
  writeFileSync(file, how === 'flip' ? changed : bytes.subarray(0, bytes.length / 2), { mode: 0o600 })
}

const audit = (archives: readonly string[] = []): Promise<readonly unknown[]> => auditWords(dir, archives)

/** Checks x after a recovery: a second recovery finds nothing, and new commands succeed. */
async function recovered(
  options = {},
): Promise<{ words: readonly string[]; lost: readonly number[]; sequence: number }> {
  const { plan } = await recoverWords(dir, options)
  expect(planOf(dir).isEmpty).toBe(true)
  expect(await audit()).toEqual([])
  const store = openStore(dir)
  const now = await store.read(async (r) => [wordsOf(r, 'x'), r.load(ca('x'))?.sequence] as const)
  await store.write(async (w) => add(w, { x: ['after'], other: ['p'] }))
  expect(await openStore(dir).read(async (r) => wordsOf(r, 'x'))).toEqual([...now[0], 'after'])
  expect(await audit()).toEqual([])
  const lost = plan.aggregates.flatMap(({ plan: a }) => a.lost.map((l) => l.sequence))
  return { words: now[0], lost, sequence: now[1] ?? 0 }
}

const EVERY: readonly Damage[] = ['flip', 'truncate', 'delete', 'folder']

describe('an intact directory', () => {
  it('is left unchanged', async () => {
    expect(planOf(dir)).toMatchObject({ isEmpty: true, loses: false, failed: [] })
  })
})

describe.each(EVERY)('%s', (how) => {
  it.each([
    ['event-0.json', 12, []],
    ['event-9.json', 12, []],
    ['event-10.json', 10, [11, 12, 13]],
    ['event-11.json', 11, [12, 13]],
    ['command-1.json', 12, []],
    ['command-9.json', 12, []],
    // it verifies the newest snapshot
    ['command-10.json', 9, [10, 11, 12, 13]],
    ['command-11.json', 10, [11, 12, 13]],
    ['command-12.json', 11, [12, 13]],
    // rejected: the unchanged version shows that it had no events
    ['command-13.json', 12, []],
    ['snapshot-5.json', 12, []],
    ['snapshot-10.json', 12, []],
    ['info.json', 12, []],
  ])('%s of x: %i words stay', async (name, kept, lost) => {
    damage(`cas/x/${name}`, how)
    const got = await recovered()
    expect(got.words).toEqual(words.slice(0, kept))
    expect(got.lost).toEqual(lost)
    if (how !== 'delete' && name !== 'info.json') expect(readdirSync(at('cas/x/corrupt'))).toHaveLength(1)
  })

  it.each([1, 2, 7, 13, 14])('commit %i is rebuilt from its records: nothing is lost', async (n) => {
    const before = readFileSync(at(`commits/${n}.json`))
    damage(`commits/${n}.json`, how)
    const got = await recovered()
    expect(got).toMatchObject({ words, lost: [], sequence: 13 })
    expect(readFileSync(at(`commits/${n}.json`))).toEqual(before)
  })

  it.each(['status/head.json'])('%s', async (path) => {
    damage(path, how)
    expect(await recovered()).toMatchObject({ words, lost: [], sequence: 13 })
  })
})

/** All paths below the directory with their bytes, except the lock. */
function footprint(): ReadonlyMap<string, string> {
  const names = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((e) => e.isFile())
  const paths = names.map((e) => join(e.parentPath, e.name)).filter((path) => !path.includes('.lock'))
  return new Map(paths.sort().map((path) => [path, readFileSync(path, 'latin1')]))
}

describe('a copy that contains the missing file', () => {
  it.each(EVERY)(
    'restores an event, a record and a commit (%s): nothing is lost, every byte is as before',
    async (how) => {
      const before = footprint()
      for (const path of ['cas/x/event-10.json', 'cas/x/command-12.json', 'commits/8.json']) damage(path, how)
      const { plan } = await recoverWords(dir, { from: [copies.sound] })
      expect(plan.loses).toBe(false)
      const after = footprint()
      for (const [path, bytes] of before) expect(after.get(path), path).toBe(bytes)
      expect(await audit()).toEqual([])
    },
  )

  it('restores a complete folder', async () => {
    rmSync(at('cas/x'), { recursive: true })
    expect(planOf(dir).failed).toMatchObject([{ error: { code: 'recover-impossible' } }])
    expect(await recovered({ from: [copies.sound] })).toMatchObject({ words, lost: [], sequence: 13 })
  })

  it('restores only files that the chain verifies', async () => {
    damage('cas/x/event-10.json', 'flip')
    const other = `${dir}-other`
    cpSync(copies.sound, other, { recursive: true })
    writeFileSync(join(other, 'cas/x/event-10.json'), readFileSync(join(other, 'cas/x/event-11.json')))
    expect((await recovered({ from: [other] })).words).toEqual(words.slice(0, 10))
    rmSync(other, { recursive: true })
  })

  it('must be a copy of a data directory', () => {
    expect(() => planOf(dir, { from: [join(dir, 'cas')] })).toThrow(expect.objectContaining({ code: 'recover-from' }))
  })
})

describe('several damaged files', () => {
  it('the newest snapshot and an event before it: the backup snapshot and the events after it', async () => {
    damage('cas/x/snapshot-10.json', 'flip')
    damage('cas/x/event-2.json', 'delete')
    expect(await recovered()).toMatchObject({ words, lost: [] })
  })

  it('every snapshot and an event: replayed from the first event up to the gap, never across it', async () => {
    damage('cas/x/snapshot-10.json', 'flip')
    damage('cas/x/snapshot-5.json', 'delete')
    damage('cas/x/event-7.json', 'truncate')
    const got = await recovered()
    expect(got.words).toEqual(words.slice(0, 7))
    expect(got.lost).toEqual([8, 9, 10, 11, 12, 13])
  })

  it('nothing to rebuild from: an error that names the aggregate, and nothing changes', async () => {
    for (const name of ['snapshot-10.json', 'snapshot-5.json', 'event-0.json']) damage(`cas/x/${name}`, 'flip')
    const before = footprint()
    const plan = planOf(dir)
    expect(plan).toMatchObject({ aggregates: [], loses: false, isEmpty: true })
    expect(plan.failed).toMatchObject([{ error: { kind: 'corrupt', code: 'recover-impossible' } }])
    expect(plan.failed[0]?.error.hint).toContain('brine recover ca/x --from')
    await recoverWords(dir)
    expect(footprint()).toEqual(before)
  })

  it('consecutive commits, and all of them', async () => {
    for (const n of [3, 4, 5, 9]) damage(`commits/${n}.json`, 'truncate')
    expect(await recovered()).toMatchObject({ words, lost: [] })
    rmSync(at('commits'), { recursive: true })
    const { plan } = await recoverWords(dir)
    expect(plan.loses).toBe(false)
    expect(await audit()).toEqual([])
    expect(planOf(dir).isEmpty).toBe(true)
  })

  it('a commit and its only record: an error, and nothing changes', () => {
    damage('commits/7.json', 'delete')
    damage('cas/x/command-7.json', 'flip')
    const before = footprint()
    expect(() => planOf(dir)).toThrow(expect.objectContaining({ kind: 'corrupt', code: 'commit-missing' }))
    expect(footprint()).toEqual(before)
  })

  it('a commit copied to the next number is quarantined', async () => {
    writeFileSync(at('commits/15.json'), readFileSync(at('commits/14.json')))
    expect(await recovered()).toMatchObject({ words, lost: [], sequence: 13 })
    expect(readdirSync(at('commits/corrupt'))).toHaveLength(1)
  })
})

describe('the newest commits and the cache that lists them missing', () => {
  it('loses their commands, complete commits of every aggregate, and reuses no number', async () => {
    for (const n of [12, 13, 14]) damage(`commits/${n}.json`, 'delete')
    damage('status/head.json', 'delete')
    const got = await recovered()
    expect(got).toMatchObject({ words: words.slice(0, 11), lost: [12, 13], sequence: 14 })
    // `other` was created by a lost commit
    expect(existsSync(at('cas/other/surplus'))).toBe(true)
  })
})

describe('archived history', () => {
  const archive = (): void => {
    mkdirSync(at('cas/x/archived'))
    for (const name of readdirSync(at('cas/x')).filter((n) => /^(command-[1-6]|event-[0-5])\.json$/.test(n)))
      cpSync(at(`cas/x/${name}`), at(`cas/x/archived/${name}`))
    for (const name of readdirSync(at('cas/x/archived'))) unlinkSync(at(`cas/x/${name}`))
  }

  it('is replayed if no snapshot is intact', async () => {
    archive()
    for (const name of ['snapshot-10.json', 'snapshot-5.json']) damage(`cas/x/${name}`, 'flip')
    expect(await recovered()).toMatchObject({ words, lost: [] })
  })

  it('that is damaged goes to corrupt/ and is declared gone, since a snapshot includes its effect', async () => {
    archive()
    damage('cas/x/archived/event-2.json', 'flip')
    const { plan } = await recoverWords(dir)
    expect(plan.aggregates[0]?.plan).toMatchObject({ gone: { commands: [], events: [[2, 2]] }, lost: [] })
    expect(readdirSync(at('cas/x/corrupt'))).toHaveLength(1)
    expect(await audit()).toEqual([])
  })
})

describe('after a recovery', () => {
  it('its own snapshot may be damaged: the branch up to its base still exists', async () => {
    damage('cas/x/event-11.json', 'flip')
    await recoverWords(dir)
    expect(existsSync(at('cas/x/snapshot-13.json'))).toBe(true)
    damage('cas/x/snapshot-13.json', 'flip')
    expect(await openStore(dir).read(async (r) => wordsOf(r, 'x'))).toEqual(words.slice(0, 11))
    expect((await recovered()).words).toEqual(words.slice(0, 11))
  })

  it('a second one may follow', async () => {
    damage('cas/x/event-11.json', 'flip')
    await recoverWords(dir)
    await openStore(dir).write(async (w) => {
      add(w, { x: ['a'] })
      add(w, { x: ['b'] })
      add(w, { x: ['c'] })
    })
    damage('cas/x/event-15.json', 'delete')
    const got = await recovered()
    expect(got).toMatchObject({ words: [...words.slice(0, 11), 'a', 'b'], lost: [17], sequence: 18 })
  })

  it('and the recovery itself is lost: what it declared gone is declared again', async () => {
    await openStore(dir).write(async (w) => add(w, { x: ['late'] }))
    damage('cas/x/command-13.json', 'delete')
    expect((await recoverWords(dir)).plan.aggregates[0]?.plan.gone).toEqual({ commands: [[13, 13]], events: [] })
    damage('cas/x/event-12.json', 'flip')
    damage('cas/x/snapshot-14.json', 'flip')
    expect(await recovered()).toMatchObject({ words, lost: [14, 15], sequence: 16 })
  })

  it('discarded commands are not damage, not in a copy either', async () => {
    damage('cas/x/event-10.json', 'flip')
    await recoverWords(dir)
    rmSync(at('cas/x/surplus'), { recursive: true })
    expect(await audit()).toEqual([])
    expect(planOf(dir).isEmpty).toBe(true)
    const copy = `${dir}-copy`
    cpSync(dir, copy, { recursive: true })
    const opened = openStore(copy, { asCopy: true })
    expect(opened.role().role).toBe('standby')
    expect(await opened.read(async (r) => [r.behind, wordsOf(r, 'x')])).toEqual([0, words.slice(0, 10)])
    rmSync(copy, { recursive: true })
  })
})

it('a read error is not damage: nothing is moved', async () => {
  damage('cas/x/event-10.json', 'flip')
  const before = footprint()
  let seen = 1
  for (let n = 1; seen >= n; n += 7) {
    seen = 0
    onFileOperation((operation) => {
      if (!['read', 'stat', 'list'].includes(operation)) return
      seen += 1
      if (seen === n) throw Object.assign(new Error('EIO'), { code: 'EIO' })
    })
    const error = await recoverWords(dir).then(
      () => undefined,
      (e: unknown) => e,
    )
    onFileOperation(undefined)
    if (error === undefined) break
    expect(error).toMatchObject({ kind: 'io' })
    if (seen < n) expect(footprint()).toEqual(before)
  }
})

it('a directory interrupted between origin.json and the marker of a generation requires recover, and reports it', async () => {
  const place = scratch()
  const now = '2026-11-22T00:00:00Z' as Instant
  writeInstallationId(place.dir, thisInstallation(place.dir, 2, now))
  expect(place.open().role()).toMatchObject({ role: 'standby', reason: 'unfinished' })
  expect(interruptedGeneration(place.dir, { generation: 1 })).toBe(2)
  const refused = place.open().write(async () => undefined)
  await expect(refused).rejects.toMatchObject({ kind: 'standby', hint: expect.stringContaining('brine recover') })
  // an interrupted promote has the newer marker
  writeInstallationId(place.dir, thisInstallation(place.dir, 1, now))
  expect(interruptedGeneration(place.dir, { generation: 2 })).toBeUndefined()
  place.remove()
})
