/** Requests of children while other commands are at work: a list takes no lock, and no request waits for another CA's longer than one commit. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { addCa } from '../../../../../src/core/app/authority/cas.js'
import { answerProvisioning } from '../../../../../src/core/app/exchange/server/answer-provisioning.js'
import { addRemoteChild } from '../../../../../src/core/app/exchange/server/child-contact.js'
import { runCa } from '../../../../../src/core/app/session/context.js'
import { openSession, type Session } from '../../../../../src/core/app/session/session.js'
import { transact } from '../../../../../src/core/app/transaction/transact.js'
import { type Handle, parseHandle } from '../../../../../src/core/base/handle.js'
import { addSeconds, type Instant } from '../../../../../src/core/base/time.js'
import { encodeProvisioning } from '../../../../../src/core/protocols/provisioning/encode.js'
import type { ProvisioningBody } from '../../../../../src/core/protocols/provisioning/types.js'
import { encodeSetup } from '../../../../../src/core/protocols/setup/encode.js'
import { parseResources } from '../../../../../src/core/resources/resource-set.js'
import { signCertificationRequest } from '../../../../../src/core/rpki/certification-request.js'
import { acquireLock } from '../../../../../src/core/store/directory/lock.js'
import { type Party, partyOf } from '../../../../support/peers/parties.js'
import { newTestbed, quickSession, scratchFolder } from '../../../../support/sites/testbed.js'
import { changesBetween, listingOf } from '../../../../support/store/dir-listing.js'

const START = '2026-11-21T12:00:00Z' as Instant
const [ONE, TWO, KID] = ['testbed', 'two', 'kid'].map(parseHandle) as [Handle, Handle, Handle]
const LOCK = { command: 'other', long: false, warn: () => undefined } as const
const scratch = scratchFolder('no-waiting')
const dir = join(scratch.dir, 'data')
let now = START
let party: Party
afterAll(() => scratch.remove())

const session = (): Promise<Session> => {
  now = addSeconds(now, 60)
  return quickSession(dir, now)
}

beforeAll(async () => {
  await newTestbed(dir, START)
  party = await partyOf(39)
  await addCa(await session(), TWO, { parent: ONE, resources: parseResources('10.0.0.0/8') })
  const xml = encodeSetup({ kind: 'child_request', childHandle: KID, id: party.certificate.der })
  for (const ca of [ONE, TWO])
    await addRemoteChild(await session(), ca, {
      ...{ child: KID, resources: parseResources('10.0.0.0/16'), serviceBase: 'https://rpki.example/' },
      request: Buffer.from(xml),
    })
})

async function ask(opened: Session, ca: Handle, body: ProvisioningBody): Promise<string> {
  const cms = await party.say(encodeProvisioning({ sender: KID, recipient: ca, body }), opened.now())
  const { type, status } = await answerProvisioning(opened, ca, cms)
  return status === undefined ? type : `${type} ${status}`
}

async function issue(place: string): Promise<ProvisioningBody> {
  const { id } = await partyOf(38)
  const base = `rsync://kid.example/repo/${place}/`
  const sia = { kind: 'ca', caRepository: base, manifest: `${base}${id.ski}.mft` } as const
  const csr = await signCertificationRequest({ ski: id.ski, spki: id.spki, sia }, id.sign)
  return { type: 'issue', className: '0', limit: {}, csr }
}

/** Files of `status/` with the time of their last change. */
function statusFiles(): ReadonlyMap<string, number> {
  const folder = join(dir, 'status')
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return new Map(names.map((name) => [name, statSync(join(folder, name)).mtimeMs]))
}

test('a list is answered while another command holds the write lock, and leaves one file of status', async () => {
  await ask(await session(), TWO, { type: 'list' })
  const opened = await session()
  const lock = await acquireLock(opened.store.layout, { ...LOCK, timeout: 5 })
  try {
    const [tree, status] = [listingOf(dir), statusFiles()]
    expect(await ask(opened, TWO, { type: 'list' })).toBe('list_response')
    expect(changesBetween(tree, listingOf(dir))).toEqual([])
    const written = [...statusFiles()].filter(([name, at]) => status.get(name) !== at).map(([name]) => name)
    expect(written).toEqual(['heard', expect.stringMatching(/^heard\/child-[0-9a-f]{40}\.json$/)])
    // a request that changes something needs the lock
    const { options } = await session()
    const impatient = await openSession({ ...options, lockTimeoutSeconds: 1 })
    expect(await ask(impatient, TWO, await issue('busy'))).toBe('error_response 1101')
  } finally {
    await lock.release()
  }
})

test('a change is decided and signed without the lock', async () => {
  const opened = await session()
  const isFree: boolean[] = []
  await transact(opened, async (tx) => {
    await runCa(tx, ONE, { type: 'child.update', child: KID, resources: parseResources('10.0.0.0/14') })
    const lock = await acquireLock(opened.store.layout, { ...LOCK, timeout: 0 }).catch(() => undefined)
    isFree.push(lock !== undefined)
    await lock?.release()
  })
  expect(isFree.length).toBeGreaterThan(0)
  expect(isFree).not.toContain(false)
})

test('a request is carried out while a long one of another CA is at work, which ends all the same', async () => {
  const other = await session()
  let begun: () => void = () => undefined
  let go: () => void = () => undefined
  const isAtWork = new Promise<void>((resolve) => {
    begun = resolve
  })
  const gate = new Promise<void>((resolve) => {
    go = resolve
  })
  const long = transact(other, async (tx) => {
    await runCa(tx, ONE, { type: 'child.update', child: KID, resources: parseResources('10.0.0.0/15') })
    begun()
    await gate
  })
  await isAtWork
  expect(await ask(await session(), TWO, await issue('two'))).toBe('issue_response')
  expect(await ask(await session(), ONE, { type: 'list' })).toBe('list_response')
  go()
  await long
  expect(await ask(await session(), TWO, { type: 'list' })).toBe('list_response')
})
