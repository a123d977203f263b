/**
 * One command, failing or killed at each of its file operations: all of its aggregates are old or all are new, and the next command
 * succeeds.
 */
import { readdirSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStore } from '../../src/core/store/commit/file-store.js'
import { initDataDir } from '../../src/core/store/directory/init-data-dir.js'
import { type FileOperation, onFileOperation } from '../../src/core/store/disk/io-error.js'
import { sampled } from '../support/processes/sample.js'
import { add, metaAt, stageRejected, T0, wordsOf } from '../support/store/store.js'
import { strangers, wholeHistory } from '../support/store/store-audit.js'
import { run, type Workshop, workshop } from '../support/store/store-process.js'

/** Passes a snapshot that has a predecessor, continues without one, and creates an aggregate: every kind of file. */
const CHANGES = { x: ['x9'], y: ['y2', 'y3'], z: ['z0'] }
const OLD = { x: ['x0', 'x1', 'x2', 'x3', 'x4', 'x5', 'x6', 'x7', 'x8'], y: ['y0', 'y1'] }
const NEW = { x: [...OLD.x, 'x9'], y: [...OLD.y, 'y2', 'y3'], z: ['z0'] }
const READS: readonly FileOperation[] = ['read', 'list', 'stat']

let shop: Workshop
let base: string

beforeAll(async () => {
  shop = await workshop()
  base = join(shop.dir, 'base')
  // made by `init --test`: a copy of it is primary
  initDataDir(base, { id: 'a1', createdAt: T0, test: true })
  const store = openStore(base)
  for (const n of OLD.x.keys())
    await store.write(async (w) => add(w, n < 2 ? { x: [`x${n}`], y: [`y${n}`] } : { x: [`x${n}`] }))
  await store.write(async (w) => w.commit({ meta: metaAt(9), aggregates: [stageRejected(w, 'x')], objects: new Map() }))
})

afterAll(() => {
  onFileOperation(undefined)
  shop.remove()
})

/** Checks that the state is completely old or new, and that the next command succeeds and leaves no debris; returns which state it is. */
async function judge(dir: string): Promise<'old' | 'new'> {
  const store = openStore(dir)
  const seen = await wholeHistory(store)
  const which = 'z' in seen ? 'new' : 'old'
  expect(seen).toEqual(which === 'new' ? NEW : OLD)
  await store.write(async (w) => add(w, { x: ['after'], y: ['after'], z: ['after'] }))
  const then = await wholeHistory(openStore(dir))
  const base: Record<string, readonly string[]> = which === 'new' ? NEW : OLD
  expect(then).toEqual(Object.fromEntries(['x', 'y', 'z'].map((name) => [name, [...(base[name] ?? []), 'after']])))
  expect(await strangers(store)).toEqual([])
  expect(readdirSync(store.layout.temp)).toEqual([])
  return which
}

interface Outcome {
  readonly result: 'done' | 'no' | 'yes' | 'unknown'
  readonly operation: FileOperation | undefined
  readonly error: unknown
}

/** Runs the command with its n-th operation failing, only that one or all from there on. */
async function failAt(dir: string, n: number, errno: string, forever: boolean): Promise<Outcome> {
  let seen = 0
  let hit: FileOperation | undefined
  onFileOperation((operation, path) => {
    seen += 1
    // a full disk prevents neither reads nor removals
    if (errno === 'ENOSPC' && (READS.includes(operation) || operation === 'unlink')) return
    if (seen < n || (hit !== undefined && !forever)) return
    hit ??= operation
    throw Object.assign(new Error(`${errno}: injected at ${path}`), { code: errno })
  })
  try {
    await openStore(dir).write(async (w) => add(w, CHANGES))
    return { result: 'done', operation: hit, error: undefined }
  } catch (error) {
    const { changed, kind } = error as { changed?: string; kind?: string }
    expect(['io', 'uncertain', 'locked']).toContain(kind)
    return { result: changed === 'no' || changed === 'yes' ? changed : 'unknown', operation: hit, error }
  } finally {
    onFileOperation(undefined)
  }
}

/** The command's operations when none fails. */
async function operationsOf(dir: string): Promise<readonly (readonly [FileOperation, string])[]> {
  const log: (readonly [FileOperation, string])[] = []
  onFileOperation((operation, path) => log.push([operation, path]))
  await openStore(dir).write(async (w) => add(w, CHANGES))
  onFileOperation(undefined)
  return log
}

/** Numbers of the operations that a run looks at: a sample, the link of the commit, and its sync. */
async function chosen(count: number): Promise<readonly number[]> {
  const log = await operationsOf(shop.copyOf(base, 'clean'))
  const link = log.findIndex(([operation, path]) => operation === 'link' && path.includes('/commits/'))
  const sync = log.findIndex(([operation], i) => i > link && operation === 'syncDir')
  const all = log.map((_, i) => i + 1)
  return [...new Set([...sampled(all, count), link + 1, sync + 1])]
}

describe('a command that fails at its n-th file operation', () => {
  for (const [errno, forever] of [
    ['EIO', false],
    ['EIO', true],
    ['ENOSPC', true],
    ['ENOSPC', false],
  ] as const) {
    it(`${errno} ${forever ? 'permanently' : 'once'}: all or nothing, and it reports which`, async () => {
      const seen = new Set<string>()
      for (const n of await chosen(16)) {
        const dir = shop.copyOf(base, 'fail')
        const { result, operation, error } = await failAt(dir, n, errno, forever)
        if (operation === undefined) continue
        const moved = readdirSync(join(dir, 'cas')).filter((name) =>
          readdirSync(join(dir, 'cas', name)).includes('surplus'),
        )
        expect(moved, `a failing ${operation} moved files`).toEqual([])
        const which = await judge(dir)
        if (result === 'done' || result === 'yes') expect(which, `${n}: ${operation}`).toBe('new')
        if (result === 'no') expect(which, `${n}: ${operation} ${error}`).toBe('old')
        seen.add(result)
      }
      expect(seen).toContain('no')
      expect(seen).toContain('done')
      if (errno === 'EIO') expect(seen).toContain('unknown')
    }, 300_000)
  }

  it('names the file, the cause and, on a full disk, the bytes needed', async () => {
    const dir = shop.copyOf(base, 'fail')
    const { error } = await failAt(dir, 60, 'ENOSPC', true)
    expect(error).toMatchObject({ kind: 'io', code: 'io-no-space', changed: 'no' })
    const { details, message } = error as { details: { bytesNeeded: number; path: string }; message: string }
    expect(details.bytesNeeded).toBeGreaterThan(4096 * 8)
    expect(message).toContain(`${details.bytesNeeded} bytes free`)
    expect(message).toContain(dir)
  })
})

describe('a command that is killed at its n-th file operation', () => {
  it('SIGKILL: all or nothing, and the next command succeeds at once', async () => {
    const seen = { old: 0, new: 0 }
    for (const n of [...(await chosen(12)), 10_000]) {
      const dir = shop.copyOf(base, 'kill')
      const { code, signal, out, err } = await run(shop, 'add', dir, { changes: CHANGES, dieAt: n })
      // the process makes some more or fewer operations than the command here
      if (signal === null) expect([code, out, err]).toEqual([0, 'ok\n', ''])
      const which = await judge(dir)
      if (signal === null) expect(which).toBe('new')
      seen[which] += 1
    }
    expect(seen.old).toBeGreaterThan(3)
    expect(seen.new).toBeGreaterThan(1)
  }, 600_000)

  it('twice: the command after a crash may crash too', async () => {
    for (let n = 1; n <= 60; n += 7) {
      const dir = shop.copyOf(base, 'kill')
      await run(shop, 'add', dir, { changes: CHANGES, dieAt: 45 })
      await run(shop, 'add', dir, { changes: CHANGES, dieAt: n })
      await judge(dir)
    }
  }, 300_000)
})

describe('the order on disk', () => {
  it('every file is synced before its name, every name before the commit, and the commit before the report', async () => {
    const log = await operationsOf(shop.copyOf(base, 'order'))
    const commit = log.findIndex(([operation, path]) => operation === 'link' && path.includes('/commits/'))
    const before = log.slice(0, commit)
    const isOf = (temp: string, path: string): boolean => basename(temp).startsWith(`.tmp-${basename(path)}-`)
    const named = before.flatMap(([operation, path], at) => (operation === 'link' ? [{ path, at }] : []))
    expect(named.map(({ path }) => basename(path)).filter((name) => name.endsWith('.json'))).toEqual([
      'event-9.json',
      'event-2.json',
      'event-3.json',
      'event-0.json',
      'snapshot-10.json',
      'command-11.json',
      'command-3.json',
      'command-1.json',
    ])
    expect(named).toHaveLength(12)
    for (const { path, at } of named) {
      expect(
        before.slice(0, at).some(([op, temp]) => op === 'sync' && isOf(temp, path)),
        `${path} has its name before its bytes`,
      ).toBe(true)
      expect(
        before.slice(at).some(([op, folder]) => op === 'syncDir' && folder === dirname(path)),
        `${path} is not durable at the commit`,
      ).toBe(true)
    }
    const made = before.flatMap(([operation, path], at) =>
      operation === 'mkdir' && !path.includes('.lock') ? [{ path, at }] : [],
    )
    for (const { path, at } of made)
      expect(
        before.slice(at).some(([op, folder]) => op === 'syncDir' && folder === dirname(path)),
        path,
      ).toBe(true)
    expect(before.some(([op, temp]) => op === 'sync' && isOf(temp, log[commit]?.[1] ?? ''))).toBe(true)
    // only the removal of the temporary file comes between the commit and its sync
    expect(log.slice(commit + 1).find(([op]) => op !== 'unlink')).toEqual(['syncDir', dirname(log[commit]?.[1] ?? '')])
  })
})

describe('files', () => {
  it('are private for every umask', async () => {
    const old = process.umask(0)
    try {
      const dir = join(shop.dir, 'modes')
      initDataDir(dir, { id: 'a1', createdAt: T0, files: [{ path: 'ssl/key.pem', bytes: new Uint8Array([1]) }] })
      await openStore(dir).write(async (w) => add(w, { x: ['1', '2', '3', '4', '5'] }))
      const modes = new Set(
        readdirSync(dir, { recursive: true, withFileTypes: true }).map((e) => {
          const mode = statSync(join(e.parentPath, e.name)).mode & 0o777
          return `${e.isDirectory() ? 'dir' : e.parentPath.includes('objects') ? 'object' : 'file'} ${mode.toString(8)}`
        }),
      )
      expect([...modes].sort()).toEqual(['dir 700', 'file 600', 'object 644'])
      expect(statSync(dir).mode & 0o777).toBe(0o711)
      expect(await openStore(dir).read(async (r) => wordsOf(r, 'x'))).toHaveLength(5)
    } finally {
      process.umask(old)
    }
  })
})
