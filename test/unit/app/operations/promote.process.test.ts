/** Copy and promote with real directories and the real clock: numbers and times never go below what was published. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { addCa } from '../../../../src/core/app/authority/cas.js'
import { rebuildTree, showPubserver } from '../../../../src/core/app/authority/pubserver.js'
import { resourcesOf } from '../../../../src/core/app/authority/resource-arguments.js'
import { roaArguments } from '../../../../src/core/app/authority/roa-set.js'
import { updateRoas } from '../../../../src/core/app/authority/roas.js'
import { demote, promote } from '../../../../src/core/app/operations/promote.js'
import { initTestbed } from '../../../../src/core/app/operations/testbed.js'
import { tick } from '../../../../src/core/app/operations/tick.js'
import { republish } from '../../../../src/core/app/republishing/republish.js'
import { openSession, type Session } from '../../../../src/core/app/session/session.js'
import type { AppError } from '../../../../src/core/base/errors.js'
import { parseHandle } from '../../../../src/core/base/handle.js'
import type { Json } from '../../../../src/core/base/json.js'
import { addSeconds } from '../../../../src/core/base/time.js'
import type { PointIssue } from '../../../../src/core/issuing/point.js'
import { onFileOperation } from '../../../../src/core/store/disk/io-error.js'
import { layoutOf } from '../../../../src/core/store/disk/paths.js'
import { statusFiles } from '../../../../src/core/store/disk/status-files.js'
import { copyDir } from '../../../support/processes/cli.js'
import { makeFixedKeys, makeRealKeys } from '../../../support/rpki/fixed-keys.js'

const ACME = parseHandle('acme')
const base = mkdtempSync(join(tmpdir(), 'brine-promote-'))
const first = join(base, 'first')
/** A copy of `first` before any other command ran there. */
const seed = join(base, 'seed')
let copies = 0
let copy = ''

const options = (dataDir: string, reason?: string) => ({
  dataDir,
  actor: 'tester',
  osUser: 'tester',
  host: 'host.example',
  command: 'test',
  ...(reason === undefined ? {} : { reason }),
})

/** Opens the session of one command; the keys that it makes are fixed ones, so that a publication takes only milliseconds. */
async function at(dataDir: string, reason?: string): Promise<Session> {
  const session = await openSession(options(dataDir, reason))
  makeFixedKeys(session.store.keys.list())
  return session
}

const promoteAt = async (dataDir: string) => promote(await at(dataDir, 'the other is gone'))

/** Returns issuing key, number and thisUpdate of every manifest that a directory has issued. */
async function issues(dataDir: string): Promise<readonly { key: string; number: number; thisUpdate: string }[]> {
  const { store } = await at(dataDir)
  return store.read(async (reader) => {
    const out: { key: string; number: number; thisUpdate: string }[] = []
    for (const id of reader.roster()) {
      for (let s = 1; s <= (reader.load(id)?.sequence ?? 0); s++) {
        for (const event of reader.eventsOf(id, reader.command(id, s))) {
          if (event.type !== 'point.issued') continue
          const { issue, ski } = event as unknown as { issue: PointIssue; ski?: string }
          out.push({ key: ski ?? 'ta', number: issue.number, thisUpdate: issue.thisUpdate })
        }
      }
    }
    return out
  })
}

async function typesOf(dataDir: string, name: 'ca' | 'ta', handle: string): Promise<readonly string[]> {
  const { store } = await at(dataDir)
  return store.read(async (reader) => {
    const id = { kind: name, handle: parseHandle(handle) } as const
    const count = reader.load(id)?.sequence ?? 0
    return Array.from({ length: count }, (_, i) => reader.command(id, i + 1).command.type)
  })
}

const refusal = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'done',
    (error: AppError) => error.code,
  )

/** Writes the marker and the origin as a promote does, without renumbering: the state after a power failure. */
async function promoteHalf(dataDir: string): Promise<void> {
  const { store, now } = await at(dataDir)
  await store.promote(now())
}

beforeAll(async () => {
  makeFixedKeys([])
  await initTestbed(options(first), {
    rsyncBase: 'rsync://rpki.example/repo/',
    rrdpBase: 'https://rpki.example/rrdp/',
    test: false,
  })
  await addCa(await at(first), ACME, {
    parent: parseHandle('testbed'),
    resources: resourcesOf('192.0.2.0/24, AS64496'),
  })
  copyDir(first, seed)
})
afterAll(() => {
  makeRealKeys()
  rmSync(base, { recursive: true, force: true })
})
beforeEach(() => {
  copies += 1
  copy = join(base, `copy-${copies}`)
  copyDir(seed, copy)
})

describe('a copy that is promoted after the original published more', () => {
  it('issues only higher manifest numbers and later thisUpdate', async () => {
    for (let i = 0; i < 3; i++) await republish(await at(first), { force: true })
    const seen = await issues(first)
    const known = (await issues(copy)).length
    const report = await promoteAt(copy)
    expect(report.cas.map((c) => c.handle).sort()).toEqual(['acme', 'ta', 'testbed'])
    await republish(await at(copy), { force: true })
    const own = (await issues(copy)).slice()
    expect(own.length).toBe(known + 6)
    for (const { key, number, thisUpdate } of own.filter((o) => o.number > 1_000_000)) {
      const others = seen.filter((s) => s.key === key)
      expect(others.length).toBeGreaterThan(3)
      expect(others.every((s) => s.number < number && s.thisUpdate < thisUpdate)).toBe(true)
    }
    expect(own.filter((o) => o.number > 1_000_000).length).toBe(6)
  })

  it('starts a new RRDP session and publishes it', async () => {
    const old = await showPubserver(await at(first))
    const { session, serial } = await promoteAt(copy)
    const now = await showPubserver(await at(copy))
    expect(session).not.toBe(old.sessionId)
    expect(now).toMatchObject({ sessionId: session, rrdpSerial: serial })
    expect(now.served.rrdp).toEqual({ session, serial })
    expect(now.served.rsync).toEqual({ session, serial })
  })

  it('keeps numbers at or below the Unix time of their issue, so that the next promote is above them', async () => {
    await promoteAt(copy)
    for (let i = 0; i < 2; i++) await republish(await at(copy), { force: true })
    const second = join(base, `second-${copies}`)
    copyDir(copy, second)
    const before = Math.max(...(await issues(copy)).map((i) => i.number))
    const { generation, cas } = await promoteAt(second)
    expect(generation).toBe(3)
    expect(before).toBeLessThanOrEqual(Date.now() / 1000)
    expect(cas.every((c) => (c.manifestNumber ?? 0) > before)).toBe(true)
  })
})

describe('the high-water mark of published numbers', () => {
  const note = (behind: readonly Readonly<Record<string, Json>>[], seenAt: string | null) => {
    const facts = { at: FAR, from: 'b', generation: 1, cutAt: null, commit: 1, seen: 'replaced tree' }
    statusFiles(layoutOf(copy)).write('restored', { ...facts, behind, seenAt })
  }
  const FAR = '2090-01-01T00:00:00Z'
  const BEYOND = 4_000_000_000
  const acme = { kind: 'ca', handle: 'acme', sequence: 1, seenSequence: 9, seenNumber: BEYOND }
  const server = { ...acme, kind: 'pubserver', handle: '0', seenNumber: 2 * BEYOND }

  it('is read from the published tree, also with repo_dir, and new numbers are above it', async () => {
    // the other primary continued to publish to the shared tree
    for (let i = 0; i < 2; i++) await republish(await at(first), { force: true })
    const served = join(base, `served-${copies}`)
    copyDir(join(first, 'repo'), served)
    rmSync(join(copy, 'repo'), { recursive: true })
    const { seen: unasked } = await promote(await at(copy, 'look'), { dryRun: true })
    expect(unasked).toEqual({ asked: [], manifestNumber: null, at: null })
    appendFileSync(join(copy, 'brine.toml'), `\nrepo_dir = "${served}"\n`)
    const shown = (await issues(first)).filter((i) => i.key !== 'ta')
    const { seen, cas } = await promoteAt(copy)
    const newest = shown
      .map((i) => i.thisUpdate)
      .toSorted()
      .at(-1)
    expect(seen).toEqual({
      asked: ['served tree'],
      manifestNumber: Math.max(...shown.map((i) => i.number)),
      at: newest,
    })
    expect(cas.every((c) => (c.manifestNumber ?? 0) > (seen.manifestNumber ?? 0))).toBe(true)
    expect((await issues(copy)).filter((i) => i.number > 1_000_000).every((i) => i.thisUpdate > (newest ?? ''))).toBe(
      true,
    )
  })

  it('makes promote refuse a clock behind a published manifest, and nothing changed', async () => {
    const other = join(base, `ahead-${copies}`)
    copyDir(seed, other)
    const ahead = addSeconds((await at(other)).now(), 3600)
    await promote(
      Object.assign(await at(other, 'its clock is an hour ahead'), { clockFor: () => ({ now: () => ahead }) }),
    )
    appendFileSync(join(copy, 'brine.toml'), `\nrepo_dir = "${join(other, 'repo')}"\n`)
    expect(await refusal(promoteAt(copy))).toBe('clock-behind')
    expect((await at(copy)).store.role()).toMatchObject({ role: 'standby' })
    const later = addSeconds(ahead, 1)
    const { seen } = await promote(Object.assign(await at(copy, 'right'), { clockFor: () => ({ now: () => later }) }))
    expect(seen).toMatchObject({ asked: ['served tree'], at: ahead })
  })

  it('is read from the record of a restore: numbers are above those of the replaced directory, even above the clock', async () => {
    note([acme, server], null)
    const { seen, cas } = await promoteAt(copy)
    expect(seen).toMatchObject({ asked: ['served tree', 'replaced tree'], manifestNumber: BEYOND })
    expect(cas.map((c) => c.manifestNumber)).toEqual(cas.map(() => BEYOND + 1))
  })

  it('makes promote, and a later renumbering, refuse a clock behind the newest commit', async () => {
    note([acme], FAR)
    expect(await refusal(promoteAt(copy))).toBe('clock-behind')
    expect((await at(copy)).store.role()).toMatchObject({ role: 'standby' })
    await promoteHalf(copy)
    expect(await refusal(at(copy).then((session) => tick(session)))).toBe('clock-behind')
    expect(await typesOf(copy, 'ca', 'acme')).toEqual(['ca.add'])
  })
})

describe('a promote that was interrupted after the directory became the primary', () => {
  it('is completed by tick', async () => {
    await promoteHalf(copy)
    const report = await tick(await at(copy))
    expect(report.done.map((d) => d.on)).toEqual(expect.arrayContaining(['acme', 'ta', 'testbed']))
    expect(await typesOf(copy, 'ca', 'acme')).toEqual(['ca.add', 'numbers.raise'])
    expect((await tick(await at(copy))).done).toEqual([])
  })

  it('is completed before a change publishes, and before a rejection is recorded', async () => {
    await promoteHalf(copy)
    const add = (text: string) => async () => updateRoas(await at(copy), ACME, roaArguments({ add: [text] }), {})
    expect(await refusal(add('10.0.0.0/8 => 64496')())).toBe('roa-not-held')
    await add('192.0.2.0/24 => 64496')()
    expect(await typesOf(copy, 'ca', 'acme')).toEqual(['ca.add', 'numbers.raise', 'roas.update', 'roas.update'])
    expect((await typesOf(copy, 'ta', 'ta')).at(-1)).toBe('numbers.raise')
  })

  it('is completed before the published tree is rebuilt, and by promote itself', async () => {
    await promoteHalf(copy)
    await rebuildTree(await at(copy))
    expect((await typesOf(copy, 'ca', 'testbed')).at(-1)).toBe('numbers.raise')
    expect(await refusal(promoteAt(copy))).toBe('promote-primary')
    const other = join(base, `other-${copies}`)
    copyDir(seed, other)
    await promoteHalf(other)
    expect(await promoteAt(other)).toMatchObject({ generation: 2, failed: [] })
    expect((await typesOf(other, 'ca', 'acme')).at(-1)).toBe('numbers.raise')
  })
})

describe('a promote that fails', () => {
  /** Fails each operation for which `hits` returns true with ENOSPC. */
  const failing = (hits: (operation: string, path: string) => boolean) =>
    onFileOperation((operation, path) => {
      if (hits(operation, path)) throw Object.assign(new Error('full'), { code: 'ENOSPC' })
    })
  const roleOf = async (dataDir: string) => (await at(dataDir)).store.role()
  const generation = () =>
    (JSON.parse(readFileSync(join(copy, 'brine.json'), 'utf8')) as { generation: number }).generation
  const failure = async (): Promise<AppError> => {
    try {
      await promoteAt(copy)
      return expect.fail('it was promoted')
    } catch (error) {
      return error as AppError
    } finally {
      onFileOperation(undefined)
    }
  }

  it('before the first step: nothing changed', async () => {
    failing((operation, path) => operation === 'rename' && path.endsWith('brine.json'))
    expect(await failure()).toMatchObject({ kind: 'io', code: 'io-no-space', changed: 'no' })
    expect([(await roleOf(copy)).role, generation()]).toEqual(['standby', 1])
  })

  it('after files were moved to quarantine: reports that it is still a stand-by, and the next promote succeeds', async () => {
    writeFileSync(join(copy, 'commits', '7.json'), 'x')
    failing((operation, path) => operation === 'rename' && path.endsWith('brine.json'))
    const error = await failure()
    expect(error).toMatchObject({ kind: 'io', changed: 'yes' })
    expect(error.message).toContain('still a stand-by, but files were moved to surplus/')
    expect(await promoteAt(copy)).toMatchObject({ generation: 2, failed: [] })
  })

  it('before the origin is written: reports the raised generation, and the next promote succeeds', async () => {
    failing((operation, path) => operation === 'rename' && path.endsWith('origin.json'))
    const error = await failure()
    expect(error).toMatchObject({ kind: 'io', code: 'io-no-space', changed: 'yes' })
    expect(error.message).toContain('still a stand-by, but its generation is 2 now')
    expect(error.hint).toContain('then: brine promote')
    expect(await roleOf(copy)).toMatchObject({ role: 'standby', reason: 'copy' })
    expect(await promoteAt(copy)).toMatchObject({ generation: 3, failed: [] })
  })

  it('after the origin is written: is uncertain, and the directory is the primary', async () => {
    let written = false
    failing((operation, path) => {
      written ||= operation === 'rename' && path.endsWith('origin.json')
      return written && operation === 'syncDir' && path.endsWith('status')
    })
    expect(await failure()).toMatchObject({ kind: 'uncertain', code: 'promote-uncertain', changed: 'unknown' })
    expect(await roleOf(copy)).toEqual({ role: 'primary' })
    expect((await tick(await at(copy))).done.map((d) => d.on)).toEqual(
      expect.arrayContaining(['acme', 'ta', 'testbed']),
    )
  })

  it('while renumbering: is pending, the directory is the primary, and tick renumbers', async () => {
    failing((operation, path) => operation === 'link' && /commits.\d+.json$/.test(path))
    const error = await failure()
    expect(error).toMatchObject({ kind: 'pending', code: 'promote-pending', changed: 'yes' })
    expect(error.hint).toContain('brine tick')
    expect(await roleOf(copy)).toEqual({ role: 'primary' })
    expect(await typesOf(copy, 'ca', 'acme')).toEqual(['ca.add'])
    await tick(await at(copy))
    expect(await typesOf(copy, 'ca', 'acme')).toEqual(['ca.add', 'numbers.raise'])
  })

  it('demote: is uncertain if the last sync failed, and changes nothing if it failed before', async () => {
    await promoteAt(copy)
    const demoted = async () => demote(await at(copy, 'done here')).catch((error: AppError) => error)
    failing((operation, path) => operation === 'rename' && path.endsWith('origin.json'))
    expect(await demoted()).toMatchObject({ kind: 'io', changed: 'no' })
    expect(await roleOf(copy)).toEqual({ role: 'primary' })
    failing((operation, path) => operation === 'syncDir' && path.endsWith('status'))
    expect(await demoted()).toMatchObject({ kind: 'uncertain', code: 'demote-uncertain', changed: 'unknown' })
    onFileOperation(undefined)
    expect(await roleOf(copy)).toMatchObject({ role: 'standby', reason: 'demoted' })
  })
})

it('renumbers a CA that was damaged during the promote once it is repaired', async () => {
  await promoteHalf(copy)
  const file = join(copy, 'cas/acme/command-1.json')
  const intact = readFileSync(file)
  writeFileSync(file, 'x')
  const { cas } = await promoteAt(copy)
  expect(cas.map((c) => c.handle).sort()).toEqual(['ta', 'testbed'])
  writeFileSync(file, intact)
  await updateRoas(await at(copy), ACME, roaArguments({ add: ['192.0.2.0/24 => 64496'] }), {})
  expect(await typesOf(copy, 'ca', 'acme')).toEqual(['ca.add', 'numbers.raise', 'roas.update'])
})

it('does not renumber a directory that was never promoted, nor a CA that is added after a promote', async () => {
  expect((await issues(first)).every((i) => i.number < 100)).toBe(true)
  await promoteAt(copy)
  await addCa(await at(copy), parseHandle('fresh'), {
    parent: parseHandle('testbed'),
    resources: resourcesOf('AS64499'),
  })
  await republish(await at(copy))
  expect(await typesOf(copy, 'ca', 'fresh')).toEqual(['ca.add'])
})

it('requires a reason, a stand-by, and a clock that is not behind; a dry run changes nothing', async () => {
  const marker = () => readFileSync(join(copy, 'brine.json'), 'utf8')
  const before = marker()
  expect(await refusal(promote(await at(copy)))).toBe('reason-missing')
  expect(await refusal(promoteAt(first))).toBe('promote-primary')
  expect(await promote(await at(copy, 'look'), { dryRun: true })).toMatchObject({
    generation: 2,
    dryRun: true,
    cas: [],
  })
  const late = Object.assign(await at(copy, 'late'), { clockFor: () => ({ now: () => '2020-01-01T00:00:00Z' }) })
  expect(await refusal(promote(late as unknown as Session))).toBe('clock-behind')
  expect(marker()).toBe(before)
})
