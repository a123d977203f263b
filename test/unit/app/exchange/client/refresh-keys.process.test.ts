/** Keys that a parent lists or leaves out, and certificates that are requested again: each at its time, and none in a loop. */
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { activateKeyroll, initKeyroll } from '../../../../../src/core/app/authority/keyroll.js'
import type { Deliver } from '../../../../../src/core/app/exchange/client/deliver.js'
import { type RefreshReport, refreshParent } from '../../../../../src/core/app/exchange/client/refresh-parent.js'
import { openMessage, sealMessage } from '../../../../../src/core/app/exchange/messages.js'
import { openAt } from '../../../../../src/core/app/exchange/parent/open-at-parent.js'
import { withMessageSigner } from '../../../../../src/core/app/session/signing.js'
import { addSeconds, type Instant } from '../../../../../src/core/base/time.js'
import { CONFIRM_SECONDS } from '../../../../../src/core/ca/parent-lists.js'
import type { CaState, ListedEntitlement, ResourceClass } from '../../../../../src/core/ca/state/state.js'
import { systemRandom } from '../../../../../src/core/crypto/random.js'
import { Work } from '../../../../../src/core/eventsourcing/work.js'
import { newestId } from '../../../../../src/core/identity/id-keys.js'
import { decodeProvisioning } from '../../../../../src/core/protocols/provisioning/decode.js'
import { encodeProvisioning } from '../../../../../src/core/protocols/provisioning/encode.js'
import type { ProvisioningBody } from '../../../../../src/core/protocols/provisioning/types.js'
import { decodeCertificate } from '../../../../../src/core/rpki/x509/decode-certificate.js'
import { copyDir } from '../../../../support/processes/cli.js'
import { scratchFolder } from '../../../../support/sites/testbed.js'
import {
  atDirectories,
  KID,
  newDirectories,
  parentElsewhere,
  TESTBED,
  type TwoDirectories,
  UP,
} from '../../../../support/sites/two-directories.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
const scratch = scratchFolder('refresh-keys')
let count = 0
let now: Instant
let two: TwoDirectories
/** What the test does with each message: `type` of the request, and the delivery to the server. */
let onMessage: (type: string, answered: () => Promise<Uint8Array>) => Promise<Uint8Array>

afterAll(() => scratch.remove())

const kid = () => two.stateHere(KID)
const keys = async () => (await kid()).classes['0']?.keys ?? []

beforeEach(async () => {
  count += 1
  now = NOW
  onMessage = (_, answered) => answered()
  two = await newDirectories(`${scratch.dir}/${count}`, () => now)
  await parentElsewhere(two)
})

const deliver: Deliver = async ({ to, seal, open: read }) => {
  const cms = await seal(now)
  const ids = (await kid()).ids ?? []
  const { content } = await openMessage(cms, { peer: ids[0]?.certificate ?? '' }, now)
  const { type } = decodeProvisioning(content).body
  return read(await onMessage(type, async () => two.answer(to.serviceUri, cms)))
}

async function refresh(): Promise<RefreshReport> {
  now = addSeconds(now, 60)
  return refreshParent(await two.here(), KID, UP, { deliver })
}

const ipv4 = async () => (await keys()).map((key) => key.certificate?.resources.ipv4)

/** Answers every message of a type with another body than the parent would, signed by the parent. */
function answerWith(type: string, bodyFrom: (answered: () => Promise<Uint8Array>) => Promise<ProvisioningBody>): void {
  onMessage = async (asked, answered) => {
    if (asked !== type) return answered()
    const id = newestId(await two.stateThere(TESTBED))
    if (id === undefined) throw new Error('the parent has no ID key')
    const xml = encodeProvisioning({ sender: 'testbed', recipient: 'kid', body: await bodyFrom(answered) })
    return withMessageSigner(await two.there(), (signer) => sealMessage({ signer, random: systemRandom }, id, xml, now))
  }
}

const refuse = (type: string, status: number): void =>
  answerWith(type, async () => ({ type: 'error_response', status, descriptions: [{ text: 'not now' }] }))

const issuedKid = async () => (await two.stateThere(TESTBED)).children['kid']?.issued

describe('a key that the parent lists and the CA does not know', () => {
  const skis = async () => Object.keys((await issuedKid()) ?? {}).sort()
  const unexpected = async () => Object.keys((await kid()).classes['0']?.listed?.unexpected ?? {})

  /** Rolls the key in a copy of the directory, which is what a backup of before the roll does not know. */
  async function rolledElsewhere(finish: boolean): Promise<string> {
    const original = two
    two = atDirectories({ server: two.server, client: copyDir(two.client, `${two.client}-copy`) }, () => now)
    await initKeyroll(await two.here(), KID, { className: null, activateAfter: null, compromised: false })
    await refresh()
    const other = (await keys())[1]?.ski ?? ''
    if (finish) {
      await activateKeyroll(await two.here(), KID, { className: null, now: true, compromised: false })
      await refresh()
    }
    two = original
    return other
  }

  test('is revoked a quarter of an hour after the first list that has it, and once', async () => {
    await refresh()
    const [own] = await keys()
    const other = await rolledElsewhere(false)
    expect(await skis()).toEqual([own?.ski, other].sort())
    const report = await refresh()
    expect(report).toMatchObject({ changed: true, requests: [], classes: [{ unexpected: [{ ski: other }] }] })
    expect(report.classes[0]?.unexpected[0]?.revokeAt).toBe(addSeconds(now, CONFIRM_SECONDS))
    expect(await refresh()).toMatchObject({ changed: false, requests: [] })
    now = addSeconds(now, CONFIRM_SECONDS)
    expect(await refresh()).toMatchObject({ requests: [{ kind: 'revoke', ski: other, outcome: 'revoked' }] })
    expect([await skis(), await unexpected()]).toEqual([[own?.ski], []])
    expect(await refresh()).toMatchObject({ changed: false, requests: [] })
  })

  test('is revoked in a restored directory after its own key has a certificate again', async () => {
    await refresh()
    const [own] = await keys()
    const other = await rolledElsewhere(true)
    expect(await skis()).toEqual([other])
    expect(await refresh()).toMatchObject({ changed: true, requests: [], classes: [{ unexpected: [] }] })
    now = addSeconds(now, CONFIRM_SECONDS)
    expect(await refresh()).toMatchObject({ changed: false, requests: [] })
    now = addSeconds(now, 3600)
    expect(await refresh()).toMatchObject({ requests: [{ kind: 'issue', ski: own?.ski, outcome: 'issued' }] })
    expect(await skis()).toEqual([own?.ski, other].sort())
    now = addSeconds(now, CONFIRM_SECONDS)
    expect(await refresh()).toMatchObject({ requests: [{ kind: 'revoke', ski: other, outcome: 'revoked' }] })
    expect(await skis()).toEqual([own?.ski])
  })

  test('that is still listed after its revocation is not revoked again before a day', async () => {
    await refresh()
    const other = await rolledElsewhere(false)
    await refresh()
    now = addSeconds(now, CONFIRM_SECONDS)
    refuse('revoke', 1302)
    expect(await refresh()).toMatchObject({
      requests: [{ kind: 'revoke', ski: other, outcome: 'revoked', status: 1302 }],
    })
    expect(await refresh()).toMatchObject({ requests: [] })
    now = addSeconds(now, 86_400)
    expect(await refresh()).toMatchObject({ requests: [{ kind: 'revoke', ski: other }] })
  })

  test('is none that another process has made while the list was on its way', async () => {
    await refresh()
    onMessage = async (_, answered) => {
      onMessage = (__, other) => other()
      await initKeyroll(await two.here(), KID, { className: null, activateAfter: null, compromised: false })
      await refreshParent(await two.here(), KID, UP, { deliver })
      return answered()
    }
    await refresh()
    expect([(await skis()).length, await unexpected()]).toEqual([2, []])
  })
})

describe('a certificate is requested again', () => {
  const openIn = async (change: (state: CaState, own: ResourceClass) => CaState, after: number) => {
    const state = await kid()
    const own = state.classes['0']
    const sha256 = own?.keys[0]?.certificate?.sha256
    if (own === undefined || sha256 === undefined) throw new Error('no certificate')
    return (await two.here()).store.read(async (reader) => {
      const work = new Work(reader)
      const { content } = decodeCertificate(work.object(sha256))
      const at = addSeconds(content?.notBefore ?? NOW, after)
      return openAt(change(state, own), UP, at, work).map(({ kind }) => kind)
    })
  }
  const listed = (change: Partial<ListedEntitlement>) => (state: CaState, own: ResourceClass) => ({
    ...state,
    classes: { 0: { ...own, ...(own.listed === undefined ? {} : { listed: { ...own.listed, ...change } }) } },
  })
  const moved = (state: CaState) =>
    ({ ...state, repository: { ...state.repository, notify: 'https://other.example/n.xml' } }) as CaState

  test.each<[string, number, (state: CaState, own: ResourceClass) => CaState]>([
    ['an hour after it was issued for a later end', 3600, listed({ notAfter: '2040-01-01T00:00:00Z' as Instant })],
    ['a day after it was issued for another place', 86_400, moved],
  ])('%s', async (_, seconds, change) => {
    await refresh()
    expect(await openIn((state) => state, seconds)).toEqual([])
    expect(await openIn(change, seconds - 1)).toEqual([])
    expect(await openIn(change, seconds)).toEqual(['issue'])
  })

  test('at once for other resources, and not for an end that is past', async () => {
    await refresh()
    const resources = { asn: '', ipv4: '10.0.0.0/9', ipv6: '' }
    expect(await openIn(listed({ resources }), 301)).toEqual(['issue'])
    expect(await openIn(listed({ notAfter: '2026-11-21T12:00:00Z' as Instant }), 7200)).toEqual([])
  })

  test('an hour after it was issued if the parent does not list it, and comes with the same key', async () => {
    await refresh()
    const [own] = await keys()
    answerWith('list', async (answered) => {
      const id = newestId(await two.stateThere(TESTBED))
      const { content } = await openMessage(await answered(), { peer: id?.certificate ?? '' }, now)
      const { body } = decodeProvisioning(content)
      if (body.type !== 'list_response') throw new Error(`the parent answered ${body.type}`)
      return { ...body, classes: body.classes.map((c) => ({ ...c, certificates: [] })) }
    })
    expect(await refresh()).toMatchObject({ changed: true, requests: [] })
    now = addSeconds(now, 3600)
    expect(await refresh()).toMatchObject({ requests: [{ kind: 'issue', ski: own?.ski, outcome: 'issued' }] })
    expect(await ipv4()).toEqual(['10.0.0.0/8'])
  })
})
