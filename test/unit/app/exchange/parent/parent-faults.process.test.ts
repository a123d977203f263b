/** A parent that contradicts itself, certifies other places, lists too many classes, or takes resources away: what is taken over, and who is told. */
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { aspaArguments, updateAspas } from '../../../../../src/core/app/authority/aspas.js'
import { updateChild } from '../../../../../src/core/app/authority/children.js'
import { initKeyroll } from '../../../../../src/core/app/authority/keyroll.js'
import { roaArguments } from '../../../../../src/core/app/authority/roa-set.js'
import { updateRoas } from '../../../../../src/core/app/authority/roas.js'
import type { Deliver } from '../../../../../src/core/app/exchange/client/deliver.js'
import { addRemoteParent } from '../../../../../src/core/app/exchange/client/parent-contact.js'
import { refreshDue } from '../../../../../src/core/app/exchange/client/refresh-due.js'
import { type RefreshReport, refreshParent } from '../../../../../src/core/app/exchange/client/refresh-parent.js'
import { openMessage, sealMessage } from '../../../../../src/core/app/exchange/messages.js'
import { withMessageSigner } from '../../../../../src/core/app/session/signing.js'
import { status } from '../../../../../src/core/app/status/status.js'
import { addSeconds, type Instant } from '../../../../../src/core/base/time.js'
import { CONFIRM_SECONDS, MOST_NEW_CLASSES } from '../../../../../src/core/ca/parent-lists.js'
import type { KeyId } from '../../../../../src/core/crypto/ports.js'
import { systemRandom } from '../../../../../src/core/crypto/random.js'
import { newestId } from '../../../../../src/core/identity/id-keys.js'
import { spkiOf } from '../../../../../src/core/issuing/stored.js'
import { recordExchange } from '../../../../../src/core/peers/last-exchange.js'
import { decodeProvisioning } from '../../../../../src/core/protocols/provisioning/decode.js'
import { encodeProvisioning } from '../../../../../src/core/protocols/provisioning/encode.js'
import type { ProvisioningBody } from '../../../../../src/core/protocols/provisioning/types.js'
import { parseResources, toResourceText } from '../../../../../src/core/resources/resource-set.js'
import { signCertificationRequest } from '../../../../../src/core/rpki/certification-request.js'
import { scratchFolder } from '../../../../support/sites/testbed.js'
import {
  KID,
  newDirectories,
  parentElsewhere,
  TESTBED,
  type TwoDirectories,
  UP,
} from '../../../../support/sites/two-directories.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
const BIG = toResourceText(parseResources('10.0.0.0/8, AS64496'))
const scratch = scratchFolder('parent-faults')
let count = 0
let now: Instant
let two: TwoDirectories
/** Changes of a request that is sent to the parent, and of its answer. */
let onRequest: (body: ProvisioningBody) => Promise<ProvisioningBody>
let onAnswer: (body: ProvisioningBody) => ProvisioningBody

afterAll(() => scratch.remove())

beforeEach(async () => {
  count += 1
  now = NOW
  onRequest = async (body) => body
  onAnswer = (body) => body
  two = await newDirectories(`${scratch.dir}/${count}`, () => now)
  const { response } = await parentElsewhere(two)
  await addRemoteParent(await two.here(), KID, UP, { response, permissions: { allowPrivate: true } })
  await refresh()
  await updateRoas(await two.here(), KID, roaArguments({ add: ['10.0.0.0/24 => 64496', '10.200.0.0/24 => 64496'] }))
})

const kid = () => two.stateHere(KID)
const keys = async () => (await kid()).classes['0']?.keys ?? []
const ipv4 = async () => (await keys()).map((key) => key.certificate?.resources.ipv4)
const entitle = async (text: string) => updateChild(await two.there(), TESTBED, KID, () => parseResources(text))
const findings = async () => (await status(await two.here())).concerns
const codes = async () => (await findings()).map(({ code }) => code)

/** Opens a message of one side and signs another body as that side. */
async function resealed(
  side: 'kid' | 'testbed',
  cms: Uint8Array,
  change: (body: ProvisioningBody) => ProvisioningBody | Promise<ProvisioningBody>,
): Promise<Uint8Array> {
  const id = newestId(side === 'kid' ? await kid() : await two.stateThere(TESTBED))
  if (id === undefined) throw new Error('no ID key')
  const { content } = await openMessage(cms, { peer: id.certificate }, now)
  const message = decodeProvisioning(content)
  const xml = encodeProvisioning({ ...message, body: await change(message.body) })
  const session = side === 'kid' ? await two.here() : await two.there()
  return withMessageSigner(session, (signer) => sealMessage({ signer, random: systemRandom }, id, xml, now))
}

const deliver: Deliver = async ({ to, seal, open }) => {
  const sent = await resealed('kid', await seal(now), onRequest)
  const answer = await open(await resealed('testbed', await two.answer(to.serviceUri, sent), onAnswer))
  // as a delivery by HTTP does
  recordExchange(two.client, {
    ...{ kind: 'parent', ca: KID, peer: UP, uri: to.serviceUri, at: now },
    outcome: 'success',
  })
  return answer
}

async function refresh(options: { readonly acceptLoss?: boolean } = {}): Promise<RefreshReport> {
  now = addSeconds(now, 60)
  return refreshParent(await two.here(), KID, UP, { deliver, ...options })
}

/** Lets the parent say that every class has all resources. */
const listsAll = (body: ProvisioningBody): ProvisioningBody => {
  if (body.type === 'list_response')
    return { ...body, classes: body.classes.map((one) => ({ ...one, resources: BIG })) }
  return body.type === 'issue_response' ? { ...body, class: { ...body.class, resources: BIG } } : body
}

test('a certificate with less than the list says is not taken over, and reported until it is right', async () => {
  await entitle('10.0.0.0/9, AS64496')
  onAnswer = listsAll
  const report = await refresh()
  expect(report.findings).toEqual([
    {
      code: 'certificate-short',
      message: expect.stringMatching(/less than the parent lists: .*10\.0\.0\.0\/9.*not taken over/),
    },
  ])
  expect([report.lost, await ipv4()]).toEqual([[], ['10.0.0.0/8']])
  expect(await findings()).toContainEqual(
    expect.objectContaining({ code: 'certificate-short', message: expect.stringMatching(/^parent up of kid: /) }),
  )
  // not every five minutes
  now = addSeconds(now, 3600)
  expect(await refreshDue(await two.here(), deliver)).toMatchObject({ failed: [] })
  now = addSeconds(now, 2 * 86_400)
  expect((await refreshDue(await two.here(), deliver)).failed).toMatchObject([{ ca: 'kid', code: 'certificate-short' }])
  await entitle('10.0.0.0/8, AS64496')
  onAnswer = (body) => body
  expect(await refresh()).toMatchObject({ findings: [] })
  expect(await codes()).not.toContain('certificate-short')
})

test('an answer to a request with less than is listed is taken if nothing is lost, and reported', async () => {
  onAnswer = (body) => {
    const resources = toResourceText(parseResources('10.0.0.0/7, AS64496'))
    if (body.type === 'list_response') return { ...body, classes: body.classes.map((one) => ({ ...one, resources })) }
    return body.type === 'issue_response' ? { ...body, class: { ...body.class, resources } } : body
  }
  expect(await refresh()).toMatchObject({ findings: [{ code: 'certificate-short' }], lost: [] })
  expect(await ipv4()).toEqual(['10.0.0.0/8'])
})

describe('a list and a certificate that shrink', () => {
  const LOST = [{ ca: 'kid', roa: '10.200.0.0/24-24 => 64496' }]

  test('are obeyed once they are confirmed; the ROAs are named by the report, by tick and by status', async () => {
    await entitle('10.0.0.0/9, AS64496')
    const first = await refresh()
    expect([first.lost, first.findings]).toEqual([LOST, []])
    expect(await ipv4()).toEqual(['10.0.0.0/9'])
    expect(await findings()).toContainEqual(
      expect.objectContaining({
        code: 'roas-not-held',
        message: expect.stringMatching(/^1 ROA .*: 10\.200\.0\.0\/24-24 => 64496$/),
      }),
    )
    await entitle('10.0.0.0/8, AS64496')
    expect(await refresh()).toMatchObject({ lost: [] })
    expect(await codes()).not.toContain('roas-not-held')
  })

  test('fail the run of tick with a line that names them', async () => {
    await entitle('10.0.0.0/9, AS64496')
    now = addSeconds(now, 2 * 86_400)
    const { failed } = await refreshDue(await two.here(), deliver)
    expect(failed).toEqual([
      {
        ...{ ca: 'kid', kind: 'parent', peer: 'up', code: 'objects-lost' },
        message: 'no longer held and withdrawn: 1 ROA: kid: 10.200.0.0/24-24 => 64496',
      },
    ])
  })

  test('name the ASPA whose customer AS goes', async () => {
    await updateAspas(await two.here(), KID, { add: aspaArguments(['AS64496 => AS64511']) })
    await entitle('10.0.0.0/8')
    expect((await refresh()).lost).toEqual([{ ca: 'kid', aspa: 'AS64496 => AS64511' }])
    expect(await findings()).toContainEqual(
      expect.objectContaining({
        code: 'aspas-not-held',
        message: '1 ASPA is not published, as no certificate of kid holds the customer AS: AS64496',
      }),
    )
  })

  test('as a list alone wait for a second one', async () => {
    onAnswer = (body) => {
      const resources = toResourceText(parseResources('10.0.0.0/9, AS64496'))
      return body.type === 'list_response'
        ? { ...body, classes: body.classes.map((one) => ({ ...one, resources })) }
        : body
    }
    expect(await refresh()).toMatchObject({ lost: [], classes: [{ doubt: { reason: 'shrunk' } }] })
    now = addSeconds(now, CONFIRM_SECONDS)
    await entitle('10.0.0.0/9, AS64496')
    expect((await refresh()).lost).toEqual(LOST)
  })
})

/** Asks for other places than those of the CA, as a parent might certify them. */
function otherPlaces(place: {
  readonly caRepository?: string
  readonly manifest?: string
  readonly notify?: undefined
}): void {
  onRequest = async (body) => {
    if (body.type !== 'issue') return body
    const { decodeCertificationRequest } = await import('../../../../../src/core/rpki/certification-request.js')
    const { content } = decodeCertificationRequest(body.csr)
    if (content === undefined) throw new Error('no CSR')
    const { ski, sia } = content
    const own = (await kid()).classes['0']?.keys.find((key) => key.ski === ski)
    const { notify, ...rest } = { ...sia, ...place }
    const request = {
      ...{ ski: ski as KeyId, spki: spkiOf(own?.spki ?? '') },
      sia: { ...rest, ...(notify === undefined ? {} : { notify }) },
    }
    const csr = await withMessageSigner(await two.here(), (signer) =>
      signCertificationRequest(request, (tbs) => signer.sign(ski, tbs)),
    )
    return { ...body, csr }
  }
}

const placesFinding = async () => (await findings()).find(({ code }) => code === 'certificate-places')

describe('a certificate that names other places than asked for', () => {
  const elsewhere = 'rsync://rpki.example/repo/else/'

  test('is critical where it is that of the key that issues', async () => {
    otherPlaces({ caRepository: elsewhere, manifest: `${elsewhere}x.mft` })
    await entitle('10.0.0.0/7, AS64496')
    expect(await refresh()).toMatchObject({
      findings: [
        { code: 'certificate-places', message: expect.stringContaining(`names the manifest ${elsewhere}x.mft, not `) },
      ],
    })
    expect(await placesFinding()).toMatchObject({ level: 'critical' })
    // asked again after a day
    onRequest = async (body) => body
    now = addSeconds(now, 2 * 86_400)
    await refresh()
    expect(await placesFinding()).toBeUndefined()
  })

  test('is a warning where only the RRDP URI is missing', async () => {
    otherPlaces({ notify: undefined })
    await entitle('10.0.0.0/7, AS64496')
    await refresh()
    expect(await placesFinding()).toMatchObject({ level: 'warning', message: expect.stringContaining('use rsync') })
  })

  test('is refused for a key that would take over', async () => {
    await initKeyroll(await two.here(), KID, { className: null, activateAfter: null, compromised: false })
    otherPlaces({ caRepository: elsewhere, manifest: `${elsewhere}x.mft` })
    const report = await refresh()
    expect(report).toMatchObject({
      requests: [{ kind: 'issue', outcome: 'failed', message: expect.stringContaining('not taken over') }],
      findings: [{ code: 'certificate-places' }],
    })
    expect((await keys()).map(({ state }) => state)).toEqual(['current', 'pending'])
  })
})

describe('a list of very many classes', () => {
  const more =
    (number: number) =>
    (body: ProvisioningBody): ProvisioningBody => {
      const [first] = body.type === 'list_response' ? body.classes : []
      if (body.type !== 'list_response' || first === undefined) return body
      const others = Array.from({ length: number }, (_, n) => ({ ...first, className: `c${n}`, certificates: [] }))
      return { ...body, classes: [...body.classes, ...others] }
    }

  test('adds a bounded number of keys, withdraws nothing, and is reported', async () => {
    onAnswer = more(5000)
    const report = await refresh()
    expect(report.findings).toEqual([
      { code: 'parent-classes', message: expect.stringMatching(/^it lists 5001 classes; 4980 of them, from "c20" on/) },
    ])
    expect(Object.keys((await kid()).classes)).toHaveLength(1 + MOST_NEW_CLASSES)
    expect([report.lost, (await ipv4())[0]]).toEqual([[], '10.0.0.0/8'])
    expect(await codes()).toContain('parent-classes')
  })

  test('is refused as a whole above the limit of elements', async () => {
    onAnswer = more(100_000)
    await expect(refresh()).rejects.toMatchObject({ code: 'answer-invalid' })
    expect(Object.keys((await kid()).classes)).toHaveLength(1)
  })
})
