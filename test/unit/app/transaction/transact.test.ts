/** A change is drafted without the lock and committed under it, and a draft that was overtaken leaves nothing behind. */
import { sign } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { addCa, createCa, placeUnder } from '../../../../src/core/app/authority/cas.js'
import { resourcesOf } from '../../../../src/core/app/authority/resource-arguments.js'
import { roaArguments } from '../../../../src/core/app/authority/roa-set.js'
import { updateRoas } from '../../../../src/core/app/authority/roas.js'
import { initTestbed } from '../../../../src/core/app/operations/testbed.js'
import { caState, runCa, type TransactionContext } from '../../../../src/core/app/session/context.js'
import { openSession, type Session } from '../../../../src/core/app/session/session.js'
import { transact } from '../../../../src/core/app/transaction/transact.js'
import { AppError } from '../../../../src/core/base/errors.js'
import { parseHandle } from '../../../../src/core/base/handle.js'
import type { Signer } from '../../../../src/core/crypto/ports.js'
import { Work } from '../../../../src/core/eventsourcing/work.js'
import { onFileOperation } from '../../../../src/core/store/disk/io-error.js'
import { copyDir } from '../../../support/processes/cli.js'
import { FIXED_KEYS, fixedKey, fixedPkcs8, makeFixedKeys, makeRealKeys } from '../../../support/rpki/fixed-keys.js'

const ACME = parseHandle('acme')
const TESTBED = parseHandle('testbed')
const TEN = resourcesOf('10.0.0.0/8')
const base = mkdtempSync(join(tmpdir(), 'brine-change-'))
const seed = join(base, 'seed')
let dir = ''
let made = 0
/** Pool keys that are given out while the lock is held, and without. */
let drawn = { locked: 0, free: 0 }

async function open(): Promise<Session> {
  const session = await openSession({ dataDir: dir, actor: 't', osUser: 't', host: 'h', command: 'test' })
  const { store } = session
  makeFixedKeys(store.keys.list())
  let isLocked = false
  let next = 0
  const takePool = (count: number) => {
    drawn[isLocked ? 'locked' : 'free'] += count
    return Array.from({ length: count }, () => fixedPkcs8(next++ % FIXED_KEYS))
  }
  const write = store.write.bind(store)
  return Object.assign(session, {
    store: Object.assign(store, {
      keys: { ...store.keys, takePool, poolSize: () => 1 },
      write: (work: Parameters<typeof write>[0]) =>
        write(async (writer) => {
          isLocked = true
          return work(writer).finally(() => {
            isLocked = false
          })
        }),
    }),
  })
}

const roa = (prefix: string) => roaArguments({ add: [`${prefix} => 64496`] })
const keyFiles = () => readdirSync(join(dir, 'keys')).filter((name) => name !== 'pool')

beforeAll(async () => {
  makeFixedKeys([])
  dir = seed
  const options = { dataDir: seed, actor: 't', osUser: 't', host: 'h', command: 'test' }
  await initTestbed(options, {
    rsyncBase: 'rsync://rpki.example/repo/',
    rrdpBase: 'https://rpki.example/rrdp/',
    test: true,
  })
  await addCa(await open(), ACME, { parent: TESTBED, resources: TEN })
}, 60_000)
afterAll(() => {
  makeRealKeys()
  rmSync(base, { recursive: true, force: true })
})
beforeEach(() => {
  dir = join(base, `copy-${made++}`)
  copyDir(seed, dir)
  drawn = { locked: 0, free: 0 }
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

/** Runs `meanwhile` in another session after the use case has been decided for the first time. */
function overtakenBy(useCase: (tx: TransactionContext) => Promise<unknown>, meanwhile: () => Promise<unknown>) {
  let runs = 0
  const overtaken = async (tx: TransactionContext) => {
    await useCase(tx)
    runs += 1
    if (runs === 1) await meanwhile()
    return runs
  }
  return overtaken
}

describe('a change', () => {
  it('is signed before it takes the lock', async () => {
    const report = await updateRoas(await open(), ACME, roa('10.0.0.0/24'), {})
    expect(report.changed).toBe(true)
    expect(drawn).toEqual({ locked: 0, free: 2 })
  })
  it('beside others of its process is decided under the lock, so that only the first may lose and waste its keys', async () => {
    const add = async (n: number) => updateRoas(await open(), ACME, roa(`10.0.${n}.0/24`), {})
    const reports = await Promise.all([add(1), add(2), add(3)])
    expect(reports.map(({ changed }) => changed)).toEqual([true, true, true])
    expect(drawn.locked).toBe(0)
    expect(drawn.free).toBeLessThanOrEqual(6 + 2)
  })
  it('that was overtaken is decided again on what the other left, and no key of the first try stays', async () => {
    const named = keyFiles().length
    const twin = parseHandle('twin')
    const useCase = (tx: TransactionContext) => createCa(tx, twin).then(() => placeUnder(tx, twin, TESTBED, TEN))
    const other = () => open().then((session) => updateRoas(session, ACME, roa('10.0.0.0/24'), {}))
    const { result, commit } = await transact(await open(), overtakenBy(useCase, other))
    expect(result).toBe(3)
    expect(commit?.aggregates.map((a) => a.id.handle)).toContain('twin')
    const { store } = await open()
    await store.read(async (reader) => {
      const work = new Work(reader)
      expect(Object.keys(caState(work, ACME).roas)).toHaveLength(1)
      expect(keyFiles()).toHaveLength(named + 1)
      const [resourceClass] = Object.values(caState(work, twin).classes)
      expect(keyFiles()).toContain(resourceClass?.keys[0]?.ski)
    })
  })
  it('that does not get the lock leaves no key', async () => {
    const before = keyFiles()
    const session = await open()
    Object.assign(session.store, { write: () => Promise.reject(new AppError('locked', 'locked', 'held by another')) })
    const twin = parseHandle('twin')
    const add = transact(session, (tx) => createCa(tx, twin).then(() => placeUnder(tx, twin, TESTBED, TEN)))
    await expect(add).rejects.toMatchObject({ code: 'locked' })
    expect(keyFiles()).toEqual(before)
  })
  it('that changes nothing takes no lock and draws no key', async () => {
    const session = await open()
    Object.assign(session.store, { write: () => Promise.reject(new Error('took the lock')) })
    expect(await transact(session, async () => 'nothing')).toMatchObject({ changed: false, commit: undefined })
    expect(drawn).toEqual({ locked: 0, free: 0 })
  })
  it('that a rule rejects draws no key and is recorded', async () => {
    await expect(updateRoas(await open(), ACME, roa('192.0.2.0/24'), {})).rejects.toMatchObject({
      code: 'roa-not-held',
    })
    expect(drawn).toEqual({ locked: 0, free: 0 })
    const { store } = await open()
    const last = await store.read(async (reader) => {
      const id = { kind: 'ca', handle: ACME } as const
      return reader.command(id, reader.load(id)?.sequence ?? 0)
    })
    expect(last.effect).toMatchObject({ result: 'rejected', code: 'roa-not-held' })
  })
})

describe('after a commit whose sync failed', () => {
  const failSync = () =>
    onFileOperation((operation, path) => {
      if (operation === 'syncDir' && path.endsWith('commits')) throw Object.assign(new Error('bad'), { code: 'EIO' })
    })
  afterEach(() => onFileOperation(undefined))

  it('a command that finds nothing to do makes it durable, and only then says so', async () => {
    failSync()
    const uncertain = { kind: 'uncertain', code: 'commit-uncertain', changed: 'unknown' }
    await expect(updateRoas(await open(), ACME, roa('10.0.0.0/24'))).rejects.toMatchObject(uncertain)
    const again = async () => updateRoas(await open(), ACME, roa('10.0.0.0/24'), { idempotent: true })
    await expect(again()).rejects.toMatchObject({ kind: 'io' })
    const done: string[] = []
    onFileOperation((operation, path) => void done.push(`${operation} ${path.slice(dir.length)}`))
    expect(await again()).toMatchObject({ changed: false })
    expect(done.filter((text) => /(rename|syncDir) \/commits/.test(text))).toHaveLength(2)
    done.length = 0
    expect(await again()).toMatchObject({ changed: false })
    expect(done.filter((text) => text.startsWith('sync'))).toEqual([])
  })
})

describe('an object of ours that relying parties would reject', () => {
  const bySomeOtherKey = async (tbs: Uint8Array): Promise<Uint8Array> => sign('sha256', tbs, fixedKey(7).privateKey)
  const forgers = {
    'the CRL and the EE certificates': (signer: Signer): Signer => ({
      ...signer,
      sign: (_id, tbs) => bySomeOtherKey(tbs),
    }),
    'a signed object': (signer: Signer): Signer => ({
      ...signer,
      signOneOff: (build) => signer.signOneOff((key) => build({ ...key, sign: bySomeOtherKey })),
    }),
  }
  const [payload = expect.fail('no ROA')] = roa('10.0.0.0/24').add
  /** Adds a ROA with the ports of the transaction, but for what signs. */
  const addWith = (forge: (signer: Signer) => Signer) => (tx: TransactionContext) => {
    const ports = { ...tx.ports, signer: forge(tx.ports.signer) }
    return runCa({ ...tx, ports }, ACME, { type: 'roas.update', add: [payload], remove: [] })
  }
  const roaCount = async (): Promise<number> => {
    const { store } = await open()
    return store.read(async (reader) => Object.keys(caState(new Work(reader), ACME).roas).length)
  }

  it('is none where every key is the right one', async () => {
    await transact(
      await open(),
      addWith((signer) => signer),
    )
    expect(await roaCount()).toBe(1)
  })
  for (const [what, forge] of Object.entries(forgers)) {
    it(`is not committed: another key signed ${what}`, async () => {
      const before = keyFiles()
      await expect(transact(await open(), addWith(forge))).rejects.toMatchObject({
        kind: 'internal',
        code: 'object-profile',
        message: expect.stringMatching(/signature/),
      })
      expect(await roaCount()).toBe(0)
      expect(keyFiles()).toEqual(before)
    })
    it(`is not committed under the lock either: another key signed ${what}`, async () => {
      const other = () => open().then((session) => updateRoas(session, ACME, roa('10.0.1.0/24')))
      const useCase = overtakenBy(() => Promise.resolve(), other)
      const second = async (tx: TransactionContext) => {
        await addWith((await useCase(tx)) === 1 ? (signer) => signer : forge)(tx)
      }
      await expect(transact(await open(), second)).rejects.toMatchObject({ code: 'object-profile' })
      expect(await roaCount()).toBe(1)
    })
  }
})
