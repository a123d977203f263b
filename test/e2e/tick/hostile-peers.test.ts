/**
 * The built program as client of hostile HTTP servers: each parent and repository fails in a way of its own, with one line, the exit code of its
 * command, nothing changed in the directory and the next attempt planned; none delays another. The limits of 180 and 240 seconds are a
 * twentieth, by a preloaded file, so that servers which hang cost twelve seconds.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addCa } from '../../../src/core/app/authority/cas.js'
import { addChild } from '../../../src/core/app/authority/children.js'
import { addLocalParent, configureLocalRepository } from '../../../src/core/app/authority/parents.js'
import { addRemoteParent, parentRequest } from '../../../src/core/app/exchange/client/parent-contact.js'
import {
  configureRemoteRepository,
  repositoryRequest,
} from '../../../src/core/app/exchange/client/repository-contact.js'
import { addRemoteChild } from '../../../src/core/app/exchange/server/child-contact.js'
import { TA_HANDLE } from '../../../src/core/app/session/context.js'
import { parseHandle } from '../../../src/core/base/handle.js'
import { addSeconds, type Instant } from '../../../src/core/base/time.js'
import { encodeProvisioning } from '../../../src/core/protocols/provisioning/encode.js'
import { encodeSetup } from '../../../src/core/protocols/setup/encode.js'
import { freePort } from '../../support/peers/ca-peer.js'
import { type Party, partyOf } from '../../support/peers/parties.js'
import { type Behave, RawPeer, type RawRequest, respond, say, sayAndClose } from '../../support/peers/raw-peer.js'
import { OpensslBox } from '../../support/peers/requests.js'
import { repositoryResponse } from '../../support/peers/setup-files.js'
import { runBrine } from '../../support/processes/cli.js'
import { scratchFolder } from '../../support/sites/testbed.js'
import { KID, newDirectories, RESOURCES, TESTBED, type TwoDirectories } from '../../support/sites/two-directories.js'
import { changesBetween, listingOf } from '../../support/store/dir-listing.js'
import { secretsOf } from '../../support/store/secrets.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
const DAY = 86_400
const OK = 'HTTP/1.1 200 OK\r\n'
const [GOOD, AWAY] = [parseHandle('good'), parseHandle('away')]
const scratch = scratchFolder('hostile')
const openssl = new OpensslBox()
/** Servers that must get no message: the targets of redirects. */
const elsewhere = new RawPeer()
const repository = new RawPeer()
const peers = new Map<string, RawPeer>()
/** Ends of exchanges in their order. */
const ends: string[] = []
let two: TwoDirectories
let party: Party

afterAll(async () => {
  for (const peer of [...peers.values(), elsewhere, repository]) await peer.close()
  openssl.remove()
  scratch.remove()
})

/** Answers as the parent with a list of no class, signed at `at`. */
function list(at: Instant = NOW, head = `${OK}Content-Type: application/rpki-updown\r\n`): Behave {
  return (socket) => {
    const body = { type: 'list_response', classes: [] } as const
    void party.say(encodeProvisioning({ sender: 'registry', recipient: 'kid', body }), at).then((cms) => {
      socket.write(`${head}\r\n`)
      socket.end(cms)
    })
  }
}

/** Redirects what does not come from a redirect. */
function redirect(status: string, location: string, then: Behave): Behave {
  return (socket, request) => {
    const isFirst = !request.line.includes('/moved')
    return (isFirst ? respond(status, '', [`Location: ${location}`]) : then)(socket, request)
  }
}

const slow: Behave = (socket) => {
  socket.write(`${OK}Content-Length: 1000\r\n\r\n`)
  const timer = setInterval(() => socket.write('x'), 100)
  socket.on('close', () => clearInterval(timer))
}
const silent: Behave = (socket) => void socket.on('close', () => ends.push('silent'))

/** Behaviour, code of the failure, and part of its line. */
type Case = readonly [behave: Behave, code: string, text: string | RegExp]

const FAILING: Readonly<Record<string, Case>> = {
  page: [
    respond('200 OK', '<html>Login', ['Content-Type: text/html']),
    'answer-invalid',
    'it is an HTML page, not a CMS message',
  ],
  krill: [
    respond('400 Bad Request', '{"label":"ca-child-unknown","msg":"CA \'ta\' has no child","args":{"ca":"ta"}}'),
    ...(['peer-status', 'status 400: "CA \'ta\' has no child" ("ca-child-unknown")'] as const),
  ],
  'krill-200': [
    respond('200 OK', '{"label":"ca-unknown","msg":"no such CA","args":{}}', ['Content-Type: application/json']),
    ...(['answer-invalid', 'not a CMS message'] as const),
  ],
  'clock-ahead': [(...to) => list(addSeconds(NOW, 3 * DAY))(...to), 'answer-invalid', '2026-11-24T11:55:00Z'],
  'clock-behind': [(...to) => list(addSeconds(NOW, -3 * DAY))(...to), 'answer-invalid', '2026-11-18'],
  'redirect-301': [respond('301 x', '', ['Location: /moved']), 'peer-redirect', 'may lose the message'],
  'redirect-302': [respond('302 x', '', ['Location: /moved']), 'peer-redirect', 'may lose the message'],
  'redirect-host': [
    (...to) => respond('307 x', '', [`Location: ${elsewhereUri}`])(...to),
    ...(['peer-redirect', 'another server'] as const),
  ],
  'redirect-private': [
    respond('308 x', '', ['Location: http://169.254.169.254/latest']),
    ...(['peer-redirect', 'another server'] as const),
  ],
  lying: [sayAndClose(`${OK}Content-Length: 100\r\n\r\nhalf`), 'peer-closed', 'during its answer'],
  'no-length': [sayAndClose('HTTP/1.0 200 OK\r\n\r\nhalf'), 'answer-invalid', 'it is "half", not a CMS message'],
  large: [say(`${OK}Content-Length: 10485761\r\n\r\n`), 'peer-too-big', 'larger than 10485760 bytes'],
  endless: [
    (socket) => {
      const more = (): void => void (!socket.destroyed && socket.write(Buffer.alloc(65_536)) && setImmediate(more))
      socket.on('drain', more).write(`${OK}\r\n`)
      more()
    },
    ...(['peer-too-big', 'larger than 10485760 bytes'] as const),
  ],
  'tls-unknown': [list(), 'peer-tls-untrusted', 'signed by an unknown root'],
  'tls-expired': [list(), 'peer-tls-date', /it has expired; the clock here says \d{4}-/],
  'tls-early': [list(), 'peer-tls-date', /it is not valid yet; the clock here says \d{4}-/],
  'tls-name': [list(), 'peer-tls-name', 'it is for another host'],
  closed: [list(), 'peer-unreachable', 'refused the connection'],
}
const HANGING: Readonly<Record<string, Case>> = {
  silent: [silent, 'peer-timeout', 'did not begin its answer within 180 s'],
  half: [say(`${OK}Content-Length: 9\r\n\r\n`), 'peer-timeout', 'did not complete its answer within 240 s'],
  slow: [slow, 'peer-timeout', 'did not complete its answer within 240 s'],
}
const FOLLOWED: Readonly<Record<string, Behave>> = {
  'other-type': list(NOW, `${OK}Content-Type: text/plain\r\n`),
  'no-type': list(NOW, 'HTTP/1.0 200 OK\r\n'),
  'moved-307': redirect('307 x', '/moved', list()),
  'moved-308': redirect('308 x', '/moved', list()),
}
let elsewhereUri: string

type Tls = ConstructorParameters<typeof RawPeer>[0]

/** Certificates of the servers that have one; the root of all but the first is known. */
function tlsOf(): ReadonlyMap<string, Tls> {
  const root = openssl.ca('root')
  const [past, future, here] = ['200101000000Z', '400101000000Z', 'IP:127.0.0.1']
  return new Map([
    ['tls-unknown', openssl.leaf(openssl.ca('unknown'), 'unknown-leaf', here, [past, future])],
    ['tls-expired', openssl.leaf(root, 'expired', here, [past, '210101000000Z'])],
    ['tls-early', openssl.leaf(root, 'early', here, ['390101000000Z', future])],
    ['tls-name', openssl.leaf(root, 'other', 'DNS:other.example', [past, future])],
  ])
}

async function listenFor(name: string, behave: Behave, tls?: Tls): Promise<string> {
  const peer = new RawPeer(tls)
  peer.behave = behave
  const url = await peer.listen()
  peers.set(name, peer)
  return name === 'closed' ? `http://127.0.0.1:${await freePort()}` : url
}

/** Makes each server a parent of `kid`. */
async function addParents(): Promise<void> {
  party = await partyOf(0)
  const tls = tlsOf()
  const tlsCa = readFileSync(openssl.path('root.pem'), 'utf8')
  await configureLocalRepository(await two.here(), KID)
  await parentRequest(await two.here(), KID)
  const behaviours = Object.entries({ ...FAILING, ...HANGING }).map(([name, [behave]]) => [name, behave] as const)
  for (const [name, behave] of [...behaviours, ...Object.entries(FOLLOWED)]) {
    const serviceUri = `${await listenFor(name, behave, tls.get(name))}/rfc6492/registry`
    const response = encodeSetup({
      ...{ kind: 'parent_response', serviceUri, offer: false, referrals: [] },
      ...{ childHandle: KID, parentHandle: parseHandle('registry'), id: party.certificate.der },
    })
    await addRemoteParent(await two.here(), KID, parseHandle(name), {
      response: Buffer.from(response),
      permissions: { allowPrivate: true, ...(tls.has(name) ? { tlsCa } : {}) },
    })
  }
}

/** Makes `good` a child of a server that answers as it should. */
async function addGood(): Promise<void> {
  await addCa(await two.here(), GOOD, undefined)
  await configureLocalRepository(await two.here(), GOOD)
  const request = Buffer.from((await parentRequest(await two.here(), GOOD)).request)
  const answer = async (socket: Parameters<Behave>[0], { line, body }: RawRequest): Promise<void> => {
    const cms = await two.answer(line.split(' ')[1] ?? '', body)
    socket.write(`${OK}Content-Length: ${cms.length}\r\n\r\n`)
    socket.end(cms)
    ends.push('good')
  }
  const serviceBase = `${await listenFor('good', (...to) => void answer(...to))}/`
  const child = { child: GOOD, resources: RESOURCES, request, serviceBase }
  const { response = '' } = await addRemoteChild(await two.there(), TESTBED, child)
  const contact = { response: Buffer.from(response ?? ''), permissions: { allowPrivate: true } }
  await addRemoteParent(await two.here(), GOOD, parseHandle('up'), contact)
}

/** Makes `away`, which has a certificate, publish at a server. */
async function addAway(): Promise<void> {
  const serviceUri = `${await repository.listen()}/rfc8181/away`
  await addCa(await two.here(), AWAY, undefined)
  await addChild(await two.here(), TA_HANDLE, AWAY, RESOURCES)
  await addLocalParent(await two.here(), AWAY, TA_HANDLE)
  await repositoryRequest(await two.here(), AWAY)
  const response = Buffer.from(await repositoryResponse('away', { serviceUri }))
  await configureRemoteRepository(await two.here(), AWAY, { response, permissions: { allowPrivate: true } })
}

beforeAll(async () => {
  mkdirSync(scratch.dir, { recursive: true })
  writeFileSync(
    join(scratch.dir, 'short-limits.cjs'),
    'const real = globalThis.setTimeout\n' +
      'globalThis.setTimeout = (run, ms, ...rest) => real(run, ms >= 60000 && ms <= 240000 ? ms / 20 : ms, ...rest)\n',
  )
  two = await newDirectories(join(scratch.dir, 'two'), () => NOW)
  elsewhereUri = `${await elsewhere.listen()}/moved`
  await addParents()
  await addGood()
  await addAway()
}, 60_000)

/** Everything but the locks of hosts, which are empty files. */
const listing = () => new Map([...listingOf(two.client)].filter(([path]) => !path.startsWith('locks')))
const run = (args: readonly string[], now: string = NOW, more: object = {}) =>
  runBrine(args, { dataDir: two.client, now, ...more })

describe('parent refresh', () => {
  it.each(Object.entries(FAILING))('%s: one line, exit 15, nothing changed', async (name, [, , text]) => {
    const before = listing()
    const { code, stdout, stderr } = await run(['parent', 'refresh', 'kid', name])
    expect([code, stderr]).toEqual([15, ''])
    expect(stdout).toMatch(new RegExp(`^kid under ${name}: [^\\n]+\\n$`))
    expect(stdout).toEqual(text instanceof RegExp ? expect.stringMatching(text) : expect.stringContaining(text))
    expect(changesBetween(before, listing())).toEqual([])
  })

  it.each(Object.keys(FOLLOWED))('%s: is an answer', async (name) => {
    const ran = await run(['parent', 'refresh', 'kid', name])
    expect([ran.code, ran.stdout]).toEqual([0, `kid under ${name}: nothing to change\n`])
  })

  it('no message goes to the target of a refused redirect, or to a server whose certificate is refused', () => {
    expect(elsewhere.connections).toBe(0)
    for (const name of ['tls-unknown', 'tls-expired', 'tls-early', 'tls-name'])
      expect(peers.get(name)?.requests, name).toEqual([])
  })
})

it('exchange_log_dir keeps what was sent and received, and no key', async () => {
  const log = join(scratch.dir, 'log')
  const config = join(two.client, 'brine.toml')
  const before = existsSync(config) ? readFileSync(config) : undefined
  writeFileSync(config, `${before ?? ''}\nexchange_log_dir = "${log}"\nexchange_log_max_mb = 1\n`)
  await run(['parent', 'refresh', 'kid', 'krill'])
  await run(['parent', 'refresh', 'kid', 'no-type'])
  if (before === undefined) rmSync(config)
  else writeFileSync(config, before)
  const kept = readdirSync(log).sort()
  expect(kept.map((name) => name.replace(/^.*-(parent-.*)-\d+\./, '$1 '))).toEqual([
    ...['parent-kid-krill-sent cms', 'parent-kid-krill-received txt'],
    ...['parent-kid-no-type-sent cms', 'parent-kid-no-type-received cms'],
  ])
  const [asked = '', refusal = '', other = ''] = kept.map((name) => readFileSync(join(log, name), 'latin1'))
  expect([asked, other]).toEqual(
    ['krill', 'no-type'].map((name) => peers.get(name)?.requests.at(-1)?.body.toString('latin1')),
  )
  expect(refusal).toContain('ca-child-unknown')
  const texts = kept.map((name) => readFileSync(join(log, name)))
  const secrets = secretsOf(two.client)
  expect(secrets.length).toBeGreaterThan(0)
  expect(secrets.filter((secret) => texts.some((text) => text.includes(secret)))).toEqual([])
  expect(texts.filter((text) => text.includes('PRIVATE KEY'))).toEqual([])
})
