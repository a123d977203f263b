/**
 * Commands that create a data directory, or decide which of two is the primary, with failing file operations: no data directory or a
 * complete one, no second primary, no number reused, and running the same command again completes the work. A sample of the cases; all of
 * them with SLOW=1.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { listCas, showCa } from '../../src/core/app/authority/ca-reports.js'
import { roaArguments } from '../../src/core/app/authority/roa-set.js'
import { updateRoas } from '../../src/core/app/authority/roas.js'
import { createBackup } from '../../src/core/app/backup/create.js'
import { restoreBackup } from '../../src/core/app/backup/restore.js'
import { initDirectory } from '../../src/core/app/operations/init.js'
import { demote, promote } from '../../src/core/app/operations/promote.js'
import { initTestbed } from '../../src/core/app/operations/testbed.js'
import type { CommandContext } from '../../src/core/base/context.js'
import { parseHandle } from '../../src/core/base/handle.js'
import { openStore } from '../../src/core/store/commit/file-store.js'
import { KINDS, logical, type Subject, sweep } from '../support/processes/sweep.js'
import { newTestbed, quickSession } from '../support/sites/testbed.js'

const NOW = '2026-01-01T00:00:00Z'
const TESTBED = parseHandle('testbed')
const folder = mkdtempSync(join(tmpdir(), 'brine-sweep-places-'))
const [empty, live, backups] = ['empty', 'live', 'backups'].map((name) => join(folder, name)) as [
  string,
  string,
  string,
]
const bases = { rsyncBase: 'rsync://rpki.example/repo/', rrdpBase: 'https://rpki.example/rrdp/' }

beforeAll(async () => {
  mkdirSync(empty)
  await newTestbed(live)
  const test = join(folder, 'test')
  await newTestbed(test, NOW)
  mkdirSync(backups)
  await createBackup(await quickSession(test, NOW), { to: join(backups, 'b.tar.gz'), encryption: { type: 'plain' } })
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function context(dataDir: string, now: string | undefined): CommandContext {
  const who = { actor: 'tester', osUser: 'tester', host: 'host.example', command: 'test', reason: 'a test' }
  return { dataDir, ...who, ...(now === undefined ? {} : { nowOverride: now }) }
}

async function session(dir: string, now: string | undefined) {
  const made = await quickSession(dir, now)
  return { ...made, options: { ...made.options, reason: 'a test' } }
}

const addRoa = async (dir: string, now: string | undefined) =>
  updateRoas(await quickSession(dir, now), TESTBED, roaArguments({ add: ['192.0.2.0/24 => 64511'] }), {})

const init = (dataDir: string, nowOverride: string | undefined) =>
  initDirectory({ dataDir, test: true, ...(nowOverride === undefined ? {} : { nowOverride }) })

const role = (dir: string): string => openStore(dir).role().role

async function manifestNumber(dir: string): Promise<number> {
  const shown = await showCa(await quickSession(dir), TESTBED)
  return shown.classes[0]?.keys[0]?.manifestNumber ?? 0
}

const [STANDBY, UNJUMPED] = ['stand-by', 'primary, not jumped'] as const

/** Returns which directory is the primary, and whether the numbers were advanced. */
async function roleState(dir: string): Promise<string> {
  if (role(dir) === 'standby') return STANDBY
  return (await manifestNumber(dir)) > 1_000_000_000 ? 'primary, jumped' : UNJUMPED
}

async function promoted(dir: string): Promise<void> {
  if (role(dir) === 'standby') await promote(await session(dir, undefined))
  await addRoa(dir, undefined)
  expect(await roleState(dir)).toBe('primary, jumped')
}

/** Creates an empty, complete data directory. */
async function initState(dir: string, now: string | undefined): Promise<string> {
  expect(createPrivateKey(readFileSync(join(dir, 'ssl/key.pem'))).asymmetricKeyType).toBe('rsa')
  expect(new X509Certificate(readFileSync(join(dir, 'ssl/cert.pem'))).subject).toBe('CN=localhost')
  const { configPath } = await quickSession(dir, now)
  expect(existsSync(configPath)).toBe(true)
  return `made, ${await logical(dir, now)}`
}

async function initAgain(dir: string, now: string | undefined): Promise<void> {
  const isThere = existsSync(join(dir, 'brine.json'))
  const again = init(dir, now)
  if (isThere) await expect(again).rejects.toMatchObject({ code: 'init-not-empty' })
  else await again
  await initState(dir, now)
}

async function testbedState(dir: string, now: string | undefined): Promise<string> {
  const { cas } = await listCas(await quickSession(dir, now))
  return cas.length === 0 ? 'nothing in it' : logical(dir, now)
}

async function testbedAgain(dir: string, now: string | undefined): Promise<void> {
  const isDone = existsSync(join(dir, 'brine.json')) && (await testbedState(dir, now)) !== 'nothing in it'
  const again = initTestbed(context(dir, now), { ...bases, test: true })
  if (isDone) await expect(again).rejects.toMatchObject({ code: 'testbed-has-cas' })
  else await again
  await addRoa(dir, now)
}

const restore = (dir: string, now: string | undefined) =>
  restoreBackup(context(dir, now), { source: join(dir, '../../b.tar.gz'), keys: {} })

async function restoreAgain(dir: string, now: string | undefined): Promise<void> {
  const isThere = existsSync(join(dir, 'brine.json'))
  const again = restore(dir, now)
  if (isThere) await expect(again).rejects.toMatchObject({ code: 'restore-occupied' })
  else await again
  await addRoa(dir, now)
}

const subjects: readonly Subject[] = [
  { name: 'init', now: NOW, base: empty, place: 'above/data', run: init, state: initState, next: initAgain },
  {
    name: 'testbed init',
    now: NOW,
    base: empty,
    place: 'above/data',
    run: (dir, now) => initTestbed(context(dir, now), { ...bases, test: true }),
    state: testbedState,
    begun: 'nothing in it',
    next: testbedAgain,
  },
  { name: 'restore', now: NOW, base: backups, place: 'above/data', run: restore, next: restoreAgain },
  {
    name: 'promote',
    base: live,
    run: async (dir, now) => promote(await session(dir, now)),
    state: roleState,
    begun: STANDBY,
    half: new RegExp(UNJUMPED),
    next: promoted,
  },
  {
    name: 'demote',
    base: live,
    // a copy is a stand-by at first
    prepare: async (dir) => promote(await session(dir, undefined)),
    run: async (dir, now) => demote(await session(dir, now)),
    state: roleState,
    async next(dir) {
      const was = role(dir)
      if (was === 'primary') await addRoa(dir, undefined)
      else await expect(addRoa(dir, undefined)).rejects.toMatchObject({ kind: 'standby' })
      if (was === 'standby') await promoted(dir)
    },
  },
]

it.each(subjects.map((s) => [s.name, s] as const))(
  '%s',
  async (_, subject) => {
    const { operations, complaints } = await sweep(subject, KINDS, 8)
    expect(operations.length).toBeGreaterThan(10)
    expect(complaints).toEqual([])
  },
  7_200_000,
)
