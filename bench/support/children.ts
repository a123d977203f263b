/** Children of RFC 6492 elsewhere: their parent, with Brine or Krill, and what they say. All have one ID key; each key that is certified is another. */
import { join } from 'node:path'
import { addRemoteChild } from '../../src/core/app/exchange/server/child-contact.js'
import { openSession, type Session } from '../../src/core/app/session/session.js'
import { parseHandle } from '../../src/core/base/handle.js'
import type { Instant } from '../../src/core/base/time.js'
import { readMessage } from '../../src/core/protocols/cms/read-message.js'
import { decodeProvisioning } from '../../src/core/protocols/provisioning/decode.js'
import { encodeProvisioning } from '../../src/core/protocols/provisioning/encode.js'
import type { ProvisioningBody, RequestLimit } from '../../src/core/protocols/provisioning/types.js'
import { encodeSetup } from '../../src/core/protocols/setup/encode.js'
import { parseResources } from '../../src/core/resources/resource-set.js'
import { signCertificationRequest } from '../../src/core/rpki/certification-request.js'
import type { Krill } from '../../test/support/peers/krill.js'
import { type Party, partyOf } from '../../test/support/peers/parties.js'
import { FIXED_KEYS } from '../../test/support/rpki/fixed-keys.js'
import type { Message } from './load.js'
import { brine } from './run.js'

/** The CA that is the parent, with all resources, at either server. */
export const PARENT = 'testbed'
/** The last fixed key is the ID key; the others are certified. */
export const MOST_ISSUES = FIXED_KEYS - 1

const PATH = `/rfc6492/${PARENT}`

const nameOf = (child: number): string => `child${child}`
const prefixOf = (child: number, length: number): string => `10.${child >> 8}.${child & 255}.0/${length}`
export const now = (): Instant => new Date().toISOString().replace(/\.\d+/, '') as Instant
export const sender = (): Promise<Party> => partyOf(FIXED_KEYS - 1)

/** Opens a data directory for what a bench prepares in its own process. */
export function benchSession(dataDir: string): Promise<Session> {
  return openSession({ dataDir, actor: 'bench', osUser: 'bench', host: 'bench', command: 'bench', unattended: true })
}

const requestOf = ({ certificate }: Party, child: number): string =>
  encodeSetup({ kind: 'child_request', childHandle: parseHandle(nameOf(child)), id: certificate.der })

/** Makes a data directory with the CA `testbed`; Krill refuses requests that name localhost. */
export async function testbed(folder: string): Promise<string> {
  const data = join(folder, 'data')
  await brine(data, 'testbed', 'init', '--rsync', 'rsync://rpki.example/repo/', '--rrdp', 'https://rpki.example/rrdp/')
  return data
}

/** Makes a data directory whose CA has the children, each entitled to a /24. */
export async function brineParent(folder: string, party: Party, children: number): Promise<string> {
  const data = await testbed(folder)
  const session = await benchSession(data)
  for (let n = 0; n < children; n++) {
    const [child, resources] = [parseHandle(nameOf(n)), parseResources(prefixOf(n, 24))]
    const request = Buffer.from(requestOf(party, n))
    await addRemoteChild(session, parseHandle(PARENT), {
      child,
      resources,
      request,
      serviceBase: 'https://rpki.example/',
    })
  }
  return data
}

/** Adds the same children to the CA of a Krill. */
export async function krillParent(krill: Krill, party: Party, children: number): Promise<void> {
  const left = Array.from({ length: children }, (_, n) => n)
  const client = async (): Promise<void> => {
    for (let n = left.pop(); n !== undefined; n = left.pop())
      await krill.addChild(PARENT, nameOf(n), requestOf(party, n), { ipv4: prefixOf(n, 24) })
  }
  await Promise.all(Array.from({ length: 4 }, client))
}

async function message(party: Party, child: number, body: ProvisioningBody): Promise<Message> {
  const xml = encodeProvisioning({ sender: nameOf(child), recipient: PARENT, body })
  return { kind: body.type, path: PATH, bytes: await party.say(xml, now()) }
}

export const listOf = (party: Party, child: number): Promise<Message> => message(party, child, { type: 'list' })

/** Returns a request for a certificate for a /24, or for a /25 of it: then the server has to issue another one. */
export async function issueOf(party: Party, child: number, length: 24 | 25): Promise<Message> {
  const { id } = await partyOf(child % MOST_ISSUES)
  const place = `rsync://elsewhere.example/repo/${nameOf(child)}/0/`
  const sia = { kind: 'ca' as const, caRepository: place, manifest: `${place}${id.ski}.mft` }
  const csr = await signCertificationRequest({ ski: id.ski, spki: id.spki, sia }, id.sign)
  const limit: RequestLimit = { ipv4: prefixOf(child, length) }
  return message(party, child, { type: 'issue', className: '0', limit, csr })
}

/** Throws if the answer is not the response to the message. */
export function checkAnswer({ kind }: Message, answer: Buffer): void {
  const { content } = readMessage(new Uint8Array(answer))
  const { body } = decodeProvisioning(content ?? new Uint8Array())
  if (body.type !== `${kind}_response`) throw new Error(`${kind}: ${JSON.stringify(body)}`)
}
