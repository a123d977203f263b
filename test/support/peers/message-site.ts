/** A data directory whose CA `testbed` has the child `kid` elsewhere, and whose publication server has the publisher `pub` elsewhere. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseHandle } from '../../../src/core/base/handle.js'
import type { Instant } from '../../../src/core/base/time.js'
import { readIdCertificate } from '../../../src/core/protocols/cms/id-certificate.js'
import type { IdCertificate } from '../../../src/core/protocols/cms/types.js'
import { verifyMessage } from '../../../src/core/protocols/cms/verify.js'
import { decodeProvisioning } from '../../../src/core/protocols/provisioning/decode.js'
import { encodeProvisioning } from '../../../src/core/protocols/provisioning/encode.js'
import type { ProvisioningBody } from '../../../src/core/protocols/provisioning/types.js'
import { decodePublicationReply } from '../../../src/core/protocols/publication/decode.js'
import type { PublicationReply } from '../../../src/core/protocols/publication/types.js'
import { decodeSetup } from '../../../src/core/protocols/setup/decode.js'
import { encodeSetup } from '../../../src/core/protocols/setup/encode.js'
import { brineOk, newTestbed } from '../sites/testbed.js'
import { type Party, partyOf } from './parties.js'
import { type ForeignPublisher, publisherAt } from './publisher.js'

export interface MessageSite {
  readonly dir: string
  readonly kid: Party
  readonly pub: ForeignPublisher
  /** Returns a message of the child to `testbed`. */
  ask(body: ProvisioningBody, at?: Instant): Promise<Uint8Array>
  /** Verifies an answer of the CA and returns its body. */
  provisioned(cms: Uint8Array): ProvisioningBody
  /** Verifies an answer of the publication server. */
  published(cms: Uint8Array): PublicationReply
  /** Returns a line with a hash for each part of the directory that a refused message must leave as it is: all but `status/`, `locks/` and the like. */
  everything(): readonly string[]
}

const PARTS = ['repo', 'commits', 'pubd', 'cas', 'ta', 'objects', 'keys']

export const wallClock = (): Instant => new Date().toISOString().replace(/\.\d+/, '') as Instant

/** Makes the directory; files of the exchange lie in `folder`. */
export async function messageSite(folder: string): Promise<MessageSite> {
  const dir = join(folder, 'data')
  await newTestbed(dir)
  const [kid, party] = await Promise.all([partyOf(38), partyOf(39)])
  const at = (name: string): string => join(folder, name)
  const childHandle = parseHandle('kid')
  writeFileSync(at('child.xml'), encodeSetup({ kind: 'child_request', childHandle, id: kid.certificate.der }))
  const service = ['--service-uri', 'https://rpki.example/']
  await brineOk(dir, [
    ...['child', 'add', 'testbed', 'kid', '--request', at('child.xml'), '--out', at('parent-response.xml')],
    ...['--resources', '10.0.0.0/8', ...service],
  ])
  const publisherHandle = parseHandle('pub')
  const asked = { kind: 'publisher_request', publisherHandle, referrals: [], id: party.certificate.der } as const
  writeFileSync(at('publisher.xml'), encodeSetup(asked))
  await brineOk(dir, [
    ...['pubserver', 'publisher', 'add', 'pub', '--request', at('publisher.xml'), '--out', at('repository.xml')],
    ...service,
  ])
  const [parent, repository] = [at('parent-response.xml'), at('repository.xml')].map((path) =>
    decodeSetup(readFileSync(path)),
  )
  if (parent?.kind !== 'parent_response' || repository?.kind !== 'repository_response') throw new Error('no response')
  const [ca, server] = [parent.id, repository.id].map((der) => readIdCertificate(der)) as [IdCertificate, IdCertificate]
  const contentBy = (id: IdCertificate, cms: Uint8Array): Uint8Array =>
    verifyMessage({ cms: new Uint8Array(cms), id, at: wallClock() }).content
  return {
    ...{ dir, kid, pub: publisherAt(party, publisherHandle, repository.siaBase) },
    ask: (body, when = wallClock()) => kid.say(encodeProvisioning({ sender: 'kid', recipient: 'testbed', body }), when),
    provisioned: (cms) => decodeProvisioning(contentBy(ca, cms)).body,
    published: (cms) => decodePublicationReply(contentBy(server, cms)),
    everything: () => treeHashes(dir),
  }
}

/** Returns a line with a hash for each part of a data directory that a refused message must leave as it is, and for `more` parts. */
export function treeHashes(dir: string, more: readonly string[] = []): readonly string[] {
  return [...PARTS, ...more].map((part) => `${part} ${hashOfTree(join(dir, part))}`)
}

/** Returns one hash over the files of a folder, with their names. */
function hashOfTree(folder: string): string {
  const hash = createHash('sha256')
  if (!existsSync(folder)) return 'none'
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  for (const path of files.map((entry) => join(entry.parentPath, entry.name)).sort())
    hash.update(path).update(readFileSync(path))
  return hash.digest('hex')
}
