/** What a copy must hold to count as whole: every object and key that its states name, what only an RRDP delta still names included. */
import { mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { addCa } from '../../../../src/core/app/authority/cas.js'
import { resourcesOf } from '../../../../src/core/app/authority/resource-arguments.js'
import { roaArguments } from '../../../../src/core/app/authority/roa-set.js'
import { updateRoas } from '../../../../src/core/app/authority/roas.js'
import { transactEst } from '../../../../src/core/app/enrolment/commit.js'
import { initTestbed } from '../../../../src/core/app/operations/testbed.js'
import { caState, pubdState, TA_HANDLE, taState } from '../../../../src/core/app/session/context.js'
import { hasAllReferences } from '../../../../src/core/app/session/revision-completeness.js'
import { openSession, type Session } from '../../../../src/core/app/session/session.js'
import { parseHandle } from '../../../../src/core/base/handle.js'
import type { Instant } from '../../../../src/core/base/time.js'
import { publishedFiles } from '../../../../src/core/ca/state/files.js'
import { sha256Hex } from '../../../../src/core/crypto/digest.js'
import type { KeyId, Sha256 } from '../../../../src/core/crypto/ports.js'
import { Work } from '../../../../src/core/eventsourcing/work.js'
import { taPublishedFiles } from '../../../../src/core/ta/state.js'
import { copyDir } from '../../../support/processes/cli.js'
import { makeFixedKeys, makeRealKeys } from '../../../support/rpki/fixed-keys.js'

const ACME = parseHandle('acme')
const ROA = '192.0.2.0/24 => 64496'
const base = mkdtempSync(join(tmpdir(), 'brine-complete-'))
const dir = join(base, 'data')
const options = { dataDir: dir, actor: 'tester', osUser: 'tester', host: 'host.example', command: 'test' }

/** The keys that it makes are fixed ones. */
async function at(dataDir: string): Promise<Session> {
  const session = await openSession({ ...options, dataDir })
  makeFixedKeys(session.store.keys.list())
  return session
}

interface Named {
  readonly ca: readonly Sha256[]
  readonly ta: readonly Sha256[]
  readonly anchor: Sha256
  /** Named by deltas alone. */
  readonly past: readonly Sha256[]
  readonly keys: readonly KeyId[]
}

async function named(): Promise<Named> {
  const { store } = await at(dir)
  return store.read(async (reader) => {
    const work = new Work(reader)
    const states = work.handles('ca').map((handle) => caState(work, handle))
    const ta = taState(work, TA_HANDLE)
    const own = states.flatMap((state) => publishedFiles(state).map((f) => f.sha256))
    const anchors = taPublishedFiles(ta).map((f) => f.sha256)
    const deltas = pubdState(work).deltas.flatMap((d) => d.changes.flatMap((c) => c.put.map((o) => o.sha256)))
    const keys = states.flatMap((state) => Object.values(state.classes).flatMap((c) => c.keys.map((k) => k.ski)))
    return {
      ca: own,
      ta: anchors,
      anchor: ta.certificate?.sha256 ?? expect.fail('no certificate'),
      past: [...new Set(deltas)].filter((o) => !own.includes(o) && !anchors.includes(o)),
      keys: [...keys, ta.key?.ski ?? expect.fail('no key')],
    }
  })
}

const isWhole = async (): Promise<boolean> => {
  const { store } = await at(dir)
  return store.read(async (reader) => hasAllReferences(reader, store))
}

async function without(path: string): Promise<boolean> {
  const away = join(base, 'away')
  renameSync(path, away)
  const whole = await isWhole()
  renameSync(away, path)
  return whole
}

const objectIn = (folder: string, sha256: Sha256) => join(folder, 'objects', sha256.slice(0, 2), sha256)

beforeAll(async () => {
  makeFixedKeys([])
  await initTestbed(options, { rsyncBase: 'rsync://h/r/', rrdpBase: 'https://h/r/', test: false })
  await addCa(await at(dir), ACME, { parent: parseHandle('testbed'), resources: resourcesOf('192.0.2.0/24, AS64496') })
  await updateRoas(await at(dir), ACME, roaArguments({ add: [ROA] }), {})
  await updateRoas(await at(dir), ACME, roaArguments({ remove: [ROA] }), {})
})
afterAll(() => {
  makeRealKeys()
  rmSync(base, { recursive: true, force: true })
})

it('a directory as commands left it is whole', async () => {
  expect(await isWhole()).toBe(true)
})

it('no object of a CA, of the trust anchor, its certificate, of a delta, and no key may be missing', async () => {
  const { ca, ta, anchor, past, keys } = await named()
  expect([ca.length, ta.length, keys.length]).toEqual([5, 3, 3])
  expect(past.length).toBeGreaterThan(0)
  for (const sha256 of [...ca, ...ta, anchor, ...past]) expect(await without(objectIn(dir, sha256)), sha256).toBe(false)
  for (const key of keys) expect(await without(join(dir, 'keys', key)), key).toBe(false)
  expect(await isWhole()).toBe(true)
})

it('a copy that lacks an object of a delta opens before that delta', async () => {
  const { past } = await named()
  const copy = join(base, 'copy')
  copyDir(dir, copy)
  const first = past.at(0) ?? expect.fail('deltas name nothing of their own')
  rmSync(objectIn(copy, first))
  const { head, behind } = await (await at(copy)).store.read(async (reader) => reader)
  expect(head).toBeLessThan(4)
  expect(head + behind).toBe(4)
})

it('no certificate that was issued by enrolment may be missing', async () => {
  const der = Buffer.from('a certificate')
  const sha256 = sha256Hex(der)
  const instant = '2027-01-01T00:00:00Z' as Instant
  await transactEst(await at(dir), (tx) =>
    tx.record(
      'r1',
      {
        ...{ label: 'device', key: sha256, subject: 'CN=d', names: [], by: { how: 'operator', name: 'ops' } },
        ...{ renews: null, ca: 'one', serial: '01', notBefore: instant, notAfter: instant, sha256 },
      },
      der,
      [Buffer.from('the certificate of its CA')],
    ),
  )
  expect(await isWhole()).toBe(true)
  expect(await without(objectIn(dir, sha256))).toBe(false)
  expect(await without(objectIn(dir, sha256Hex(Buffer.from('the certificate of its CA'))))).toBe(false)
})
