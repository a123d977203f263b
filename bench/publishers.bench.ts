/**
 * Publishers that each send a list and a delta of one object, 8 at once, to Brine with a process for each request, to Brine with the worker
 * and to Krill (where it is installed); rounds of the three alternate. `BENCH_PUBLISHERS` sets their number, `BENCH_CLIENTS` how many at once.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { addPublisher } from '../src/core/app/exchange/server/publisher-contact.js'
import { parseHandle } from '../src/core/base/handle.js'
import { readMessage } from '../src/core/protocols/cms/read-message.js'
import { decodePublicationReply } from '../src/core/protocols/publication/decode.js'
import { decodeSetup } from '../src/core/protocols/setup/decode.js'
import { encodeSetup } from '../src/core/protocols/setup/encode.js'
import { publisherAt } from '../test/support/peers/publisher.js'
import { benchSession, now, sender, testbed } from './support/children.js'
import { newFolder } from './support/folder.js'
import { startKrill } from './support/krill-peer.js'
import { type Message, machine } from './support/load.js'
import { say } from './support/run.js'
import { compareServers } from './support/servers.js'

const PUBLISHERS = Number(process.env['BENCH_PUBLISHERS'] ?? 50)
const CLIENTS = Number(process.env['BENCH_CLIENTS'] ?? 8)
/** As long as a ROA. */
const OBJECT = 'x'.repeat(1900)

function checkReply({ kind }: Message, answer: Buffer): void {
  const reply = decodePublicationReply(readMessage(new Uint8Array(answer)).content ?? new Uint8Array())
  if (reply.type !== (kind === 'list' ? 'list' : 'success')) throw new Error(`${kind}: ${JSON.stringify(reply)}`)
}

const folder = newFolder()
const krill = await startKrill(join(folder, 'krill'))
try {
  say(`${PUBLISHERS} publishers, ${CLIENTS} at once; ${machine()}`)
  const party = await sender()
  const data = await testbed(folder)
  const session = await benchSession(data)
  const bases: { readonly brine: string; readonly krill: string }[] = []
  const nameOf = (n: number): string => `publisher${n}`
  for (let n = 0; n < PUBLISHERS; n++) {
    const publisher = parseHandle(nameOf(n))
    const xml = encodeSetup({
      kind: 'publisher_request',
      publisherHandle: publisher,
      referrals: [],
      id: party.certificate.der,
    })
    const request = Buffer.from(xml)
    const { base } = await addPublisher(session, { publisher, request, serviceBase: 'https://rpki.example/' })
    const response =
      krill === undefined ? undefined : decodeSetup(Buffer.from(await krill.addPublisher(publisher, xml)))
    bases.push({ brine: base, krill: response?.kind === 'repository_response' ? response.siaBase : '' })
  }
  await compareServers({
    ...{ service: 'rfc8181', data, krill, clients: CLIENTS, peers: PUBLISHERS, check: checkReply },
    messages: async (n, way) => {
      const base = bases[n]?.[way === 2 ? 'krill' : 'brine'] ?? ''
      const publisher = publisherAt(party, parseHandle(nameOf(n)), base)
      const path = `/rfc8181/${nameOf(n)}`
      const delta = [publisher.put(`${way}.roa`, `${OBJECT} ${n} ${way}`)]
      return [
        { kind: 'list', path, bytes: await publisher.message(now()) },
        { kind: 'delta', path, bytes: await publisher.message(now(), delta) },
      ]
    },
  })
} finally {
  await krill?.stop()
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
}
