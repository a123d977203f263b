/**
 * A real Krill as a child that is refused with status 1101, 1102 or 1103, to a list and to a request: it keeps its certificate, asks again in five
 * minutes or when it is told to, and reports all but a 1101 to a request.
 */

import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { sealMessage } from '../../src/core/app/exchange/messages.js'
import { answerProvisioning } from '../../src/core/app/exchange/server/answer-provisioning.js'
import { caState } from '../../src/core/app/session/context.js'
import { withMessageSigner } from '../../src/core/app/session/signing.js'
import { type Handle, parseHandle } from '../../src/core/base/handle.js'
import { systemRandom } from '../../src/core/crypto/random.js'
import { Work } from '../../src/core/eventsourcing/work.js'
import { newestId } from '../../src/core/identity/id-keys.js'
import { encodeProvisioning } from '../../src/core/protocols/provisioning/encode.js'
import { Krill, needKrill } from '../support/peers/krill.js'
import { brineOk, newTestbed, quickSession, scratchFolder } from '../support/sites/testbed.js'

const scratch = scratchFolder('krill-child-refused')
const TESTBED = parseHandle('testbed') as Handle
const UPDATE = ['child', 'update', 'testbed', 'kid']
let krill: Krill | undefined
let server: Server | undefined
afterAll(async () => {
  await krill?.stop()
  server?.close()
  scratch.remove()
})

/** Status of the answers in place of what the CA says; undefined: none. */
let status: number | undefined
/** Messages that are answered before. */
let passes = 0
let refused = 0

async function answered(dir: string, body: Buffer): Promise<Uint8Array> {
  const session = await quickSession(dir)
  if (status === undefined || passes-- > 0) return (await answerProvisioning(session, TESTBED, body)).cms
  refused += 1
  const id = await session.store.read(async (reader) => newestId(caState(new Work(reader), TESTBED)))
  if (id === undefined) throw new Error('no ID key')
  const answer = { type: 'error_response', status, descriptions: [{ text: 'refused by the test' }] } as const
  const xml = encodeProvisioning({ sender: 'testbed', recipient: 'kid', body: answer })
  return withMessageSigner(session, (signer) => sealMessage({ signer, random: systemRandom }, id, xml, session.now()))
}

async function serve(dir: string): Promise<string> {
  const made = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part) => parts.push(part))
    request.on('end', () => {
      answered(dir, Buffer.concat(parts)).then(
        (cms) => response.writeHead(200, { 'Content-Type': 'application/rpki-updown' }).end(cms),
        (error) => response.writeHead(400).end(String(error)),
      )
    })
  })
  server = made.listen(0, '127.0.0.1')
  await once(made, 'listening')
  return `http://localhost:${(made.address() as AddressInfo).port}/`
}

test('Krill keeps what it has after 1101, 1102 and 1103, and asks again', async (context) => {
  const programs = needKrill(context)
  const dir = join(scratch.dir, 'brine')
  await newTestbed(dir)
  const uri = await serve(dir)
  krill = await Krill.start(join(scratch.dir, 'krill'), programs, { testbed: true })
  await krill.run('add', '--ca', 'kid')
  await krill.configureRepo('kid', await krill.addPublisher('kid', await krill.publisherRequest('kid')))
  const [request, response] = [join(scratch.dir, 'request.xml'), join(scratch.dir, 'response.xml')]
  writeFileSync(request, await krill.childRequest('kid'))
  await brineOk(dir, [
    'child',
    'add',
    'testbed',
    'kid',
    '--request',
    request,
    '--service-uri',
    uri,
    '--resources',
    '10.0.0.0/8',
    '--out',
    response,
  ])
  await krill.addParent('kid', 'brine', readFileSync(response, 'utf8'))
  const held = async (): Promise<string> => (await krill?.resources('kid'))?.ipv4 ?? ''
  expect(await krill.wait(async () => (await held()) === '10.0.0.0/8')).toBe(true)
  let has = '10.0.0.0/8'
  const log = (): string => readFileSync(join(scratch.dir, 'krill', 'krill.log'), 'utf8')
  for (const code of [1101, 1102, 1103]) {
    // the list, then the request after a list that has more
    for (const before of [0, 1]) {
      ;[status, passes, refused] = [code, before, 0]
      const at = log().length
      if (before === 1) await brineOk(dir, [...UPDATE, '--add', `${code - 1000}.0.0.0/8`])
      await krill.run('bulk', 'refresh')
      expect(await krill.wait(() => refused > 0, 30)).toBe(true)
      const isLogged = await krill.wait(() => log().includes(`${code} - refused by the test`, at), 5)
      // a request that the parent is still working on is no failure
      expect(isLogged).toBe(before === 0 || code !== 1101)
      expect(await held()).toBe(has)
    }
    status = undefined
    await krill.run('bulk', 'refresh')
    expect(await krill.wait(async () => (await held()) !== has)).toBe(true)
    has = await held()
  }
}, 300_000)
