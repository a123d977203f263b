/**
 * Messages between two data directories with failing file operations on one side, while the other goes on: a parent certifies each key once,
 * nothing that is published is withdrawn, and a later refresh or sync comes to the end. A sample of the cases; all of them with SLOW=1.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { activateKeyroll, initKeyroll } from '../../src/core/app/authority/keyroll.js'
import { recover } from '../../src/core/app/recovery/recover.js'
import { AppError } from '../../src/core/base/errors.js'
import { addSeconds, type Instant } from '../../src/core/base/time.js'
import { isUnconfirmed } from '../../src/core/ca/state/places.js'
import { sha256Hex } from '../../src/core/crypto/digest.js'
import type { Send } from '../../src/core/peers/message.js'
import { readMessage } from '../../src/core/protocols/cms/read-message.js'
import { decodeProvisioning } from '../../src/core/protocols/provisioning/decode.js'
import type { ProvisioningBody } from '../../src/core/protocols/provisioning/types.js'
import { copyDir } from '../support/processes/cli.js'
import { KINDS, type Subject, sweep } from '../support/processes/sweep.js'
import {
  addRoa,
  directoriesIn,
  expectAudited,
  expectOneCertificate,
  finish,
  issuedBy,
  keysOf,
  refresh,
  sendTo,
  servedFiles,
  sync,
} from '../support/sites/exchanges.js'
import {
  KID,
  newDirectories,
  parentElsewhere,
  repositoryElsewhere,
  SERVICE,
  type TwoDirectories,
} from '../support/sites/two-directories.js'
import { fastest } from '../support/store/store.js'

const START = '2026-11-21T12:00:00Z' as Instant
const NOW = '2026-11-21T12:30:00Z' as Instant
const folder = mkdtempSync(join(fastest(), 'brine-sweep-exchange-'))
/** Both directories, before the first certificate; with one and a ROA; with a new key whose old one waits for its revocation; publishing at the server. */
const [fresh, certified, rolled, elsewhere] = ['fresh', 'certified', 'rolled', 'elsewhere'].map((name) =>
  join(folder, name),
) as [string, string, string, string]

beforeAll(async () => {
  let now = START
  const later = () => {
    now = addSeconds(now, 60)
  }
  const two = await newDirectories(fresh, () => now)
  await parentElsewhere(two)
  later()
  copyDir(fresh, certified)
  await refresh(directoriesIn(certified, now))
  await addRoa(directoriesIn(certified, now))
  later()
  copyDir(certified, rolled)
  const rolling = () => directoriesIn(rolled, now)
  await initKeyroll(await rolling().here(), KID, { className: null, activateAfter: null, compromised: false })
  await refresh(rolling())
  later()
  await activateKeyroll(await rolling().here(), KID, { className: null, now: true, compromised: false })
  const publishing = await newDirectories(elsewhere, () => now)
  await repositoryElsewhere(publishing)
  await sync(publishing)
  later()
  await addRoa(publishing)
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Returns the key states of the CA: a key waits, is certified, or is to be revoked. */
const keyStates = async (dir: string, now: string | undefined) =>
  (await keysOf(directoriesIn(dirname(dir), now))).map(({ state }) => state).join(' ')

const client = { now: NOW, place: 'client', hasPeer: true } as const
const server = { ...client, place: 'server' } as const

describe('the child', () => {
  const run = (dir: string, now: string | undefined) => refresh(directoriesIn(dirname(dir), now))
  const subjects: readonly Subject[] = [
    {
      ...{ name: 'parent refresh, first certificate', ...client, base: fresh, run, state: keyStates, begun: 'pending' },
      next: async (dir, now) => {
        await finish(directoriesIn(dirname(dir), now), 0)
        await addRoa(directoriesIn(dirname(dir), now))
        await expectOneCertificate(directoriesIn(dirname(dir), now), 1)
      },
    },
    {
      ...{ name: 'parent refresh, revocation of an old key', ...client, base: rolled, run, state: keyStates },
      next: (dir, now) => finish(directoriesIn(dirname(dir), now), 1),
    },
  ]
  it.each(subjects.map((s) => [s.name, s] as const))(
    '%s',
    async (_, subject) => {
      const { operations, complaints } = await sweep(subject, KINDS, 6)
      expect(operations.length).toBeGreaterThan(10)
      expect(complaints).toEqual([])
    },
    7_200_000,
  )
})

/** Returns the message of a type that a refresh would send. It is not delivered. */
async function messageOf(base: string, type: string): Promise<Uint8Array> {
  const copy = copyDir(base, `${base}-${type}`)
  const two = directoriesIn(copy, addSeconds(NOW, -60))
  let message: Uint8Array | undefined
  await refresh(two, async (request) => {
    if (typeOf(request.body) !== type) return sendTo(two)(request)
    message = request.body
    throw new AppError('remote', 'peer-unreachable', 'no route')
  })
  if (message === undefined) throw new Error(`a refresh sends no ${type}`)
  return message
}

const bodyOf = (cms: Uint8Array): ProvisioningBody =>
  decodeProvisioning(readMessage(cms).content ?? new Uint8Array()).body
const typeOf = (cms: Uint8Array): string => bodyOf(cms).type

describe('the parent', () => {
  const URI = `${SERVICE}rfc6492/testbed`

  it.each([
    ['issue', 'fresh', 0],
    ['revoke', 'rolled', 1],
  ] as const)(
    'that answers %s',
    async (type, name, roas) => {
      const message = await messageOf(join(folder, name), type)
      const base = join(folder, `${name}-${type}`)
      const issued = async (dir: string, now: string | undefined) =>
        Object.keys(await issuedBy(directoriesIn(dirname(dir), now)))
          .sort()
          .join(' ')
      const subject: Subject = {
        ...{ name: `answer to ${type}`, ...server, base, state: issued },
        run: (dir, now) => directoriesIn(dirname(dir), now).answer(URI, message),
        next: async (dir, now) => {
          const two = directoriesIn(dirname(dir), now)
          const before = await issuedBy(two)
          // the same octets again, as a proxy or a child that heard no answer sends them
          const again = bodyOf(await two.answer(URI, message))
          const [certificate] = again.type === 'issue_response' ? again.class.certificates : []
          if (type === 'issue') {
            const [known] = Object.values(before)
            const hash = sha256Hex(certificate?.der ?? new Uint8Array())
            expect(Object.values(await issuedBy(two)).map(({ sha256 }) => sha256)).toEqual([known?.sha256 ?? hash])
            expect(hash).toBe(known?.sha256 ?? hash)
          } else if (again.type !== 'revoke_response') {
            expect([again.type, again.type === 'error_response' && again.status]).toEqual(['error_response', 1302])
            expect(Object.keys(before)).toHaveLength(1)
          }
          await finish(two, roas)
        },
      }
      const { operations, complaints } = await sweep(subject, KINDS, 6)
      expect(operations.length).toBeGreaterThan(10)
      expect(complaints).toEqual([])
    },
    7_200_000,
  )
})

describe('the publisher', () => {
  it('repo sync', async () => {
    const served = (two: TwoDirectories) =>
      servedFiles(two.server, 'pub').filter((name) => name.endsWith('.roa')).length
    const state = async (dir: string, now: string | undefined) => {
      const two = directoriesIn(dirname(dir), now)
      return `${isUnconfirmed(await two.stateHere(KID)) ? 'unconfirmed' : 'confirmed'} ${served(two)}`
    }
    const subject: Subject = {
      ...{ name: 'repo sync, elsewhere', ...client, base: elsewhere, state, begun: 'unconfirmed 1' },
      run: (dir, now) => sync(directoriesIn(dirname(dir), now)),
      next: async (dir, now) => {
        const two = directoriesIn(dirname(dir), now)
        await recover(await two.here(), { permit: 'anything' })
        await sync(two)
        expect([await sync(two), served(two)]).toMatchObject([{ changed: false }, 1])
        await addRoa(two, '10.1.0.0/24 => 64496')
        await sync(two)
        expect(served(two)).toBe(2)
        await expectAudited(two)
      },
    }
    const { operations, complaints } = await sweep(subject, KINDS, 6)
    expect(operations.length).toBeGreaterThan(10)
    expect(complaints).toEqual([])
  }, 7_200_000)
})

describe('a message that is lost', () => {
  const cases = (['request', 'answer'] as const).flatMap((what) => [
    // a first certificate takes a list and a request
    ...[1, 2].map((nth) => [what, nth, 'fresh', refresh] as const),
    ...[1, 2, 3].map((nth) => [what, nth, 'rolled', refresh] as const),
    ...[1, 2].map((nth) => [what, nth, 'elsewhere', sync] as const),
  ])

  it.each(cases)('%s of message %i, %s', async (what, nth, name, exchange) => {
    const copy = copyDir(join(folder, name), join(folder, `lost-${what}-${nth}-${name}`))
    const two = directoriesIn(copy, NOW)
    let sent = 0
    const send: Send = async (request) => {
      sent += 1
      const answered = sent === nth && what === 'request' ? undefined : await sendTo(two)(request)
      if (sent === nth || answered === undefined) throw new AppError('remote', 'peer-timeout', 'no answer')
      return answered
    }
    await exchange(two, send).catch((error: unknown) => {
      if (!(error instanceof AppError)) throw error
      expect(error).toMatchObject({ kind: name === 'elsewhere' ? 'pending' : 'remote' })
    })
    expect(sent).toBeGreaterThanOrEqual(nth)
    const later = directoriesIn(copy, addSeconds(NOW, 60))
    if (name === 'elsewhere') {
      expect(await sync(later)).toMatchObject({ changed: true })
      expect(await sync(later)).toMatchObject({ changed: false })
      expect(servedFiles(later.server, 'pub').filter((file) => file.endsWith('.roa'))).toHaveLength(1)
      await expectAudited(later)
    } else await finish(later, name === 'fresh' ? 0 : 1)
  })
})
