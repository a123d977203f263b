/**
 * The answers to a child that are kept in `status/heard`: the same message is carried out once, and again where the file is missing or damaged,
 * in whatever way, with no other certificate and no change.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { answerProvisioning } from '../../../../../src/core/app/exchange/server/answer-provisioning.js'
import { addRemoteChild } from '../../../../../src/core/app/exchange/server/child-contact.js'
import { caState } from '../../../../../src/core/app/session/context.js'
import { parseHandle } from '../../../../../src/core/base/handle.js'
import { addSeconds, type Instant } from '../../../../../src/core/base/time.js'
import type { KeyId } from '../../../../../src/core/crypto/ports.js'
import { Work } from '../../../../../src/core/eventsourcing/work.js'
import { readIdCertificate } from '../../../../../src/core/protocols/cms/id-certificate.js'
import type { IdCertificate } from '../../../../../src/core/protocols/cms/types.js'
import { verifyMessage } from '../../../../../src/core/protocols/cms/verify.js'
import { decodeProvisioning } from '../../../../../src/core/protocols/provisioning/decode.js'
import { encodeProvisioning } from '../../../../../src/core/protocols/provisioning/encode.js'
import type { ProvisioningBody } from '../../../../../src/core/protocols/provisioning/types.js'
import { decodeSetup } from '../../../../../src/core/protocols/setup/decode.js'
import { encodeSetup } from '../../../../../src/core/protocols/setup/encode.js'
import { parseResources } from '../../../../../src/core/resources/resource-set.js'
import { signCertificationRequest } from '../../../../../src/core/rpki/certification-request.js'
import { type Party, partyOf } from '../../../../support/peers/parties.js'
import { newTestbed, quickSession, scratchFolder } from '../../../../support/sites/testbed.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
const [TESTBED, KID] = ['testbed', 'kid'].map(parseHandle) as [never, never]
const scratch = scratchFolder('kept')
let count = 0
let dir: string
let now: Instant
let [party, key]: [Party, Party] = [undefined, undefined] as never
let parent: IdCertificate

afterAll(() => scratch.remove())
beforeAll(async () => {
  ;[party, key] = await Promise.all([partyOf(39), partyOf(38)])
})
beforeEach(async () => {
  dir = join(scratch.dir, `${++count}`)
  now = NOW
  await newTestbed(dir, NOW)
  const request = Buffer.from(encodeSetup({ kind: 'child_request', childHandle: KID, id: party.certificate.der }))
  const resources = parseResources('10.0.0.0/8')
  const contact = { child: KID, resources, request, serviceBase: 'https://rpki.example/' }
  const response = decodeSetup(Buffer.from((await addRemoteChild(await open(), TESTBED, contact)).response ?? ''))
  if (response.kind !== 'parent_response') throw new Error('no response')
  parent = readIdCertificate(response.id)
  pass(60)
})

const open = () => quickSession(dir, now)
const pass = (seconds: number): void => {
  now = addSeconds(now, seconds)
}
const said = (body: ProvisioningBody): Promise<Uint8Array> =>
  party.say(encodeProvisioning({ sender: 'kid', recipient: 'testbed', body }), now)

async function issue(): Promise<ProvisioningBody> {
  const { id } = key
  const base = 'rsync://kid.example/repo/kid/0/'
  const sia = { kind: 'ca', caRepository: base, manifest: `${base}${id.ski}.mft` } as const
  const csr = await signCertificationRequest({ ski: id.ski, spki: id.spki, sia }, id.sign)
  return { type: 'issue', className: '0', limit: {}, csr }
}
const LIST: ProvisioningBody = { type: 'list' }
const revoke = (ski: KeyId = key.id.ski): ProvisioningBody => ({ type: 'revoke', className: '0', ski })

interface Answered {
  readonly cms: Uint8Array
  readonly body: ProvisioningBody
}

/** Sends a message and verifies the answer as the child does. */
async function answered(message: Uint8Array): Promise<Answered> {
  const { cms } = await answerProvisioning(await open(), TESTBED, message)
  return { cms, body: decodeProvisioning(verifyMessage({ cms, id: parent, at: now }).content).body }
}
const bytesOf = (cms: Uint8Array): string => Buffer.from(cms).toString('base64')
const head = async (): Promise<number> => (await open()).store.read(async (reader) => reader.head)
const issued = async () =>
  (await open()).store.read(async (reader) => caState(new Work(reader), TESTBED).children['kid']?.issued ?? {})

const file = (): string => join(dir, 'status/heard', readdirSync(join(dir, 'status/heard'))[0] ?? '')
type Members = Record<string, unknown> & { answers: Record<string, string> }
/** Changes the members of the file. */
const edit = (change: (value: Members) => unknown): void => {
  const { value } = JSON.parse(readFileSync(file(), 'utf8')) as { value: Members }
  writeFileSync(file(), `${JSON.stringify({ value: change(value) })}\n`)
}
/** Changes each answer that is kept, as it is stored. */
const editStored = (change: (answer: string) => unknown): void =>
  edit((value) => {
    const changed = Object.entries(value.answers).map(([hash, answer]) => [hash, change(answer)] as const)
    return { ...value, answers: Object.fromEntries(changed) }
  })
const editAnswer = (change: (answer: Buffer) => Buffer): void =>
  editStored((answer) => change(Buffer.from(answer, 'base64')).toString('base64'))
const flip = (at: (answer: Buffer) => number) => (): void =>
  editAnswer((answer) => {
    const index = at(answer)
    answer[index] = (answer[index] ?? 0) ^ 1
    return answer
  })

test('the same octets get the same answer, which is carried out once, until its certificate has ended', async () => {
  await answered(await said(await issue()))
  pass(60)
  const message = await said(revoke())
  const first = await answered(message)
  expect(first.body).toEqual({ ...revoke(), type: 'revoke_response' })
  pass(60)
  expect(await answered(message)).toEqual(first)
  pass(140)
  expect((await answered(message)).body).toMatchObject({ type: 'error_response', status: 1302 })
})

test('another message of the same second is answered for itself; one of a second before is a replay', async () => {
  const before = await said(LIST)
  pass(1)
  expect((await answered(await said(LIST))).body.type).toBe('list_response')
  expect((await answered(await said(revoke('A'.repeat(40) as KeyId)))).body).toMatchObject({ status: 1302 })
  await expect(answered(before)).rejects.toThrow(/replay/)
})

const DAMAGES: readonly (readonly [string, () => void])[] = [
  ['missing', () => rmSync(file())],
  ['empty', () => writeFileSync(file(), '')],
  ['cut', () => writeFileSync(file(), readFileSync(file()).subarray(0, 300))],
  ['of octets', () => writeFileSync(file(), Buffer.alloc(300, 0xff))],
  ['of another child', () => edit((value) => ({ ...value, child: 'bob' }))],
  ['of no time', () => edit((value) => ({ ...value, signedAt: 'soon', at: 7 }))],
  ['a list', () => edit(() => [])],
  ['without answers', () => edit(({ answers: _, ...value }) => value)],
  ['with numbers as answers', () => editStored(() => 1)],
  ['with answers that are no base64', () => editStored(() => '!')],
  ['with empty answers', () => editAnswer(() => Buffer.alloc(0))],
  ['with cut answers', () => editAnswer((answer) => answer.subarray(0, -1))],
  ['with a flipped bit in each text', flip((answer) => answer.indexOf('recipient="kid"') + 11)],
  ['with a flipped bit in each signature', flip((answer) => answer.length - 9)],
]

describe('a file that is', () => {
  test.each(DAMAGES)(
    '%s costs that the same messages are carried out again, which gives the same',
    async (_, damage) => {
      const old = await said(LIST)
      pass(60)
      const certify = await said(await issue())
      const first = await answered(certify)
      const list = await said(LIST)
      const listed = await answered(list)
      const before = [await head(), await issued()]
      damage()
      pass(30)
      const again = [await answered(certify), await answered(list)]
      expect(again.map(({ body }) => body)).toEqual([first.body, listed.body])
      expect(again.map(({ cms }) => bytesOf(cms))).not.toContain(bytesOf(first.cms))
      expect([await head(), await issued()]).toEqual(before)
      // the new answers are kept in their place
      pass(30)
      const once = [await answered(certify), await answered(list)]
      expect(once.map(({ cms }) => bytesOf(cms))).toEqual(again.map(({ cms }) => bytesOf(cms)))
      damage()
      await expect(answered(old)).rejects.toThrow(/a replay/)
    },
  )

  test.each(DAMAGES.filter(([name]) => /missing|cut|signature/.test(name)))(
    '%s makes a revocation no second one',
    async (_, damage) => {
      await answered(await said(await issue()))
      pass(60)
      const message = await said(revoke())
      await answered(message)
      const before = [await head(), await issued()]
      damage()
      expect((await answered(message)).body).toMatchObject({ type: 'error_response', status: 1302 })
      expect([await head(), await issued()]).toEqual(before)
    },
  )
})
