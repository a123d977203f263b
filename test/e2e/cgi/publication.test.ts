/**
 * Queries of a publisher that RFC 8181 forbids, through `brine cgi`, as a worker and as a process: each is answered with the error of the protocol, leaves history and the
 * published tree as they are, and is one line for the operator.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseHandle } from '../../../src/core/base/handle.js'
import { addSeconds, type Instant } from '../../../src/core/base/time.js'
import { readIdCertificate } from '../../../src/core/protocols/cms/id-certificate.js'
import { verifyMessage } from '../../../src/core/protocols/cms/verify.js'
import { decodePublicationReply } from '../../../src/core/protocols/publication/decode.js'
import type { Pdu, PublicationReply } from '../../../src/core/protocols/publication/types.js'
import { decodeSetup } from '../../../src/core/protocols/setup/decode.js'
import { encodeSetup } from '../../../src/core/protocols/setup/encode.js'
import { exchange, requestRecords } from '../../support/peers/fastcgi-client.js'
import { type Party, partyOf } from '../../support/peers/parties.js'
import { type ForeignPublisher, publisherAt } from '../../support/peers/publisher.js'
import { type ServedWorker, startWorker } from '../../support/peers/served-worker.js'
import { projectDir } from '../../support/processes/brine-shim.js'
import { brineOk, newTestbed, scratchFolder } from '../../support/sites/testbed.js'

const scratch = scratchFolder('publication-cgi')
const dir = join(scratch.dir, 'data')
afterAll(async () => {
  await worker?.stop()
  scratch.remove()
})

let party: Party
let pub: ForeignPublisher
let server: ReturnType<typeof readIdCertificate>

const now = (): Instant => new Date().toISOString().replace(/\.\d+/, '') as Instant

interface Answered {
  readonly status: string
  readonly text: string
  readonly reply?: PublicationReply
  /** Lines of standard error. */
  readonly log: readonly string[]
}

const socket = join(scratch.dir, 'cgi.sock')
let worker: ServedWorker | undefined

function variables(cms: Uint8Array, handle: string): Readonly<Record<string, string>> {
  return {
    ...{ PATH: process.env['PATH'] ?? '', BRINE_DATA_DIR: dir, REQUEST_METHOD: 'POST' },
    ...{ PATH_INFO: `/rfc8181/${handle}`, CONTENT_TYPE: 'application/rpki-publication' },
    CONTENT_LENGTH: String(cms.length),
  }
}

/** Sends a query to the worker, which saves the start of a process. */
async function post(cms: Uint8Array, handle = 'pub'): Promise<Answered> {
  const { output, errors } = await exchange(socket, requestRecords(variables(cms, handle), cms))
  return answered(Buffer.from(output, 'latin1'), errors)
}

function postToProcess(cms: Uint8Array, handle = 'pub'): Answered {
  const { stdout, stderr } = spawnSync(process.execPath, [join(projectDir, 'bin/run.js'), 'cgi'], {
    ...{ env: variables(cms, handle), input: cms, maxBuffer: 1 << 28 },
  })
  return answered(stdout, stderr.toString('utf8'))
}

function answered(stdout: Buffer, stderr: string): Answered {
  const end = stdout.indexOf('\r\n\r\n')
  const head = stdout.subarray(0, end).toString('latin1')
  const body = stdout.subarray(end + 4)
  const status = /^Status: (\d+)/m.exec(head)?.[1] ?? '200'
  const log = stderr.split('\n').filter(Boolean)
  if (!head.includes('application/rpki-publication')) return { status, text: body.toString('utf8'), log }
  const { content } = verifyMessage({ cms: new Uint8Array(body), id: server, at: now() })
  return { status, text: '', reply: decodePublicationReply(content), log }
}

/** Returns one hash over the files of a folder, with their names. */
function hashOfTree(folder: string): string {
  const hash = createHash('sha256')
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  for (const path of files.map((entry) => join(entry.parentPath, entry.name)).sort())
    hash.update(path).update(readFileSync(path))
  return hash.digest('hex')
}
const parts = ['repo', 'commits', 'pubd', 'cas', 'ta', 'objects', 'keys']
const everything = (): readonly string[] => parts.map((part) => `${part} ${hashOfTree(join(dir, part))}`)

beforeAll(async () => {
  await newTestbed(dir)
  party = await partyOf(39)
  const request = join(scratch.dir, 'request.xml')
  const publisherHandle = parseHandle('pub')
  writeFileSync(
    request,
    encodeSetup({ kind: 'publisher_request', publisherHandle, referrals: [], id: party.certificate.der }),
  )
  const out = join(scratch.dir, 'response.xml')
  await brineOk(dir, [
    ...['pubserver', 'publisher', 'add', 'pub', '--request', request, '--out', out],
    ...['--service-uri', 'https://rpki.example.net/'],
  ])
  const response = decodeSetup(readFileSync(out))
  if (response.kind !== 'repository_response') throw new Error('no response')
  server = readIdCertificate(response.id)
  pub = publisherAt(party, publisherHandle, response.siaBase)
  const first = postToProcess(await pub.message(now(), [pub.put('held.cer', 'held'), pub.put('folder/x.cer', 'ex')]))
  expect(first).toEqual({ status: '200', text: '', reply: { type: 'success' }, log: [] })
  worker = await startWorker(dir, socket)
}, 120_000)

const at = (uri: string): Pdu => ({ kind: 'publish', tag: 't', uri, bytes: Uint8Array.of(1) })
const below = (name: string): Pdu => at(pub.base + name)

describe('a delta is refused as a whole', () => {
  test.each<[string, string, () => readonly Pdu[]]>([
    ['permission_failure', 'a URI of a CA here', () => [at(pub.base.replace(/pub\/$/, 'testbed/x.cer'))]],
    ['permission_failure', 'a base that begins like its own', () => [at(`${pub.base.slice(0, -1)}b/x.cer`)]],
    ['permission_failure', 'its base itself', () => [at(pub.base)]],
    ['permission_failure', 'its base without a slash', () => [at(pub.base.slice(0, -1))]],
    ['permission_failure', '..', () => [below('../testbed/x.cer')]],
    ['permission_failure', '.. inside', () => [below('a/../../testbed/x.cer')]],
    ['permission_failure', '.', () => [below('./x.cer')]],
    ['permission_failure', '%2e', () => [below('%2e%2e/testbed/x.cer')]],
    ['permission_failure', '%2F', () => [below('a%2Fx.cer')]],
    ['permission_failure', '//', () => [below('a//x.cer')]],
    ['permission_failure', 'a slash at the end', () => [below('a/')]],
    ['permission_failure', 'a backslash', () => [below('a\\x.cer')]],
    ['permission_failure', 'a hidden name', () => [below('.htaccess')]],
    ['permission_failure', 'a query', () => [below('x.cer?a')]],
    ['permission_failure', 'a segment of 256 characters', () => [below('a'.repeat(256))]],
    ['permission_failure', 'a URI of over 2048 characters', () => [below(`${'abc/'.repeat(520)}x.cer`)]],
    ['permission_failure', 'upper case in the scheme', () => [at(`${pub.base.replace('rsync:', 'RSYNC:')}x.cer`)]],
    ['permission_failure', 'upper case in the host', () => [at(`${upperHost(pub.base)}x.cer`)]],
    ['permission_failure', 'another host', () => [at('rsync://elsewhere.example/repo/pub/x.cer')]],
    ['permission_failure', 'another scheme', () => [at(`${pub.base.replace('rsync:', 'https:')}x.cer`)]],
    ['object_already_present', 'a present object without a hash', () => [pub.put('held.cer', 'new')]],
    ['no_object_matching_hash', 'a wrong hash', () => [pub.put('held.cer', 'new', 'other')]],
    ['no_object_matching_hash', 'a wrong hash of a withdrawal', () => [pub.drop('held.cer', 'other')]],
    ['no_object_present', 'an absent object', () => [pub.drop('none.cer', 'none')]],
    ['consistency_problem', 'an object below an object', () => [pub.put('held.cer/x.cer', 'x')]],
    ['consistency_problem', 'an object where a folder is', () => [pub.put('folder', 'x')]],
    [
      'consistency_problem',
      'an object and a folder in one delta',
      () => [pub.put('new', 'x'), pub.put('new/x.cer', 'x')],
    ],
    ['consistency_problem', 'one URI twice', () => [pub.put('two.cer', 'x'), pub.put('two.cer', 'y')]],
    ['consistency_problem', 'a withdrawal twice', () => [pub.drop('held.cer', 'held'), pub.drop('held.cer', 'held')]],
    [
      'consistency_problem',
      'a URI that is replaced and withdrawn',
      () => [pub.put('held.cer', 'new', 'held'), pub.drop('held.cer', 'held')],
    ],
  ])(
    'with %s: %s',
    async (code, _, pdus) => {
      const before = everything()
      const { status, reply, log } = await post(await pub.message(now(), [pub.put('good.cer', 'good'), ...pdus()]))
      expect([status, reply?.type === 'error' && reply.errors[0]?.code]).toEqual(['200', code])
      expect(log).toHaveLength(1)
      expect(log[0]).toMatch(new RegExp(`^brine cgi: query of pub: ${code}: .`))
      expect(log[0]?.length).toBeLessThan(600)
      expect(everything()).toEqual(before)
    },
    30_000,
  )

  test('with 10,000 PDUs of which each is wrong: a hundred errors are named', async () => {
    const before = everything()
    const many = Array.from({ length: 10_000 }, (_, n) => below(`../x/${n}.cer`))
    const { reply, log } = await post(await pub.message(now(), many))
    expect(reply?.type === 'error' && reply.errors.length).toBe(100)
    expect(log).toHaveLength(1)
    expect(everything()).toEqual(before)
  }, 60_000)
})

describe('a query', () => {
  const list = '<list/>'
  const query = (content: string, more = '') =>
    `<msg xmlns="http://www.hactrn.net/uris/rpki/publication-spec/" version="4" type="query"${more}>${content}</msg>`
  test.each<[string, () => string]>([
    ['of a list with a PDU', () => query(`${list}<publish uri="${pub.base}x.cer" tag="t">AA==</publish>`)],
    ['of two lists', () => query(list + list)],
    ['with a DTD', () => `<!DOCTYPE a [<!ENTITY b "c">]>${query(list)}`],
    ['with an unknown attribute', () => query(list, ' a="b"')],
    ['without base64', () => query(`<publish uri="${pub.base}x.cer" tag="t">=</publish>`)],
    ['without a URI', () => query('<publish tag="t">AA==</publish>')],
    ['that is not XML', () => 'list'],
  ])(
    '%s is an xml_error',
    async (_, xml) => {
      const before = everything()
      const { reply, log } = await post(await party.say(xml(), now()))
      expect(reply?.type === 'error' && reply.errors[0]?.code).toBe('xml_error')
      expect(log).toHaveLength(1)
      expect(everything()).toEqual(before)
    },
    30_000,
  )

  test('without PDUs succeeds and changes nothing', async () => {
    const before = everything()
    expect(await post(await pub.message(now(), []))).toMatchObject({ reply: { type: 'success' }, log: [] })
    expect(everything()).toEqual(before)
  }, 30_000)

  test('of a signature or a time that does not hold is a bad_cms_signature', async () => {
    const before = everything()
    const valid = await pub.message(now(), [pub.put('x.cer', 'x')])
    const changed = Buffer.concat([valid.subarray(0, -1), Buffer.from([(valid.at(-1) ?? 0) ^ 1])])
    const old = await pub.message(addSeconds(now(), -3600), [pub.put('x.cer', 'x')])
    for (const cms of [changed, old]) {
      const { status, reply, log } = await post(cms)
      expect([status, reply?.type === 'error' && reply.errors[0]?.code]).toEqual(['200', 'bad_cms_signature'])
      expect(log).toEqual([expect.stringMatching(/^brine cgi: query of pub: bad_cms_signature: .{10,500}$/)])
    }
    expect((await post(valid.subarray(0, -1))).status).toBe('400')
    expect(everything()).toEqual(before)
  }, 30_000)

  test('of another key, or to an unknown publisher, is refused without a signed answer', async () => {
    const before = everything()
    const stranger = publisherAt(await partyOf(38), pub.handle, pub.base)
    const refused = await post(await stranger.message(now(), [pub.put('x.cer', 'x')]))
    expect([refused.status, refused.log.length]).toEqual(['400', 1])
    expect((await post(await pub.message(now()), 'none')).status).toBe('404')
    expect(everything()).toEqual(before)
  }, 30_000)
})

test('a process answers as the worker does, with the same line for the operator', async () => {
  const before = everything()
  const refused = await pub.message(now(), [pub.put('held.cer', 'new')])
  const unreadable = await party.say('list', now())
  for (const cms of [refused, unreadable]) {
    const answer = postToProcess(cms)
    expect(answer).toMatchObject({ status: '200', reply: { type: 'error' }, log: [expect.any(String)] })
    expect(answer).toEqual(await post(cms))
  }
  expect(postToProcess(refused, 'none')).toEqual(await post(refused, 'none'))
  expect(everything()).toEqual(before)
}, 60_000)

test('10,000 objects in one delta are published, and listed', async () => {
  const many = Array.from({ length: 10_000 }, (_, n) => pub.put(`many/${n}.roa`, `${n}`))
  expect(postToProcess(await pub.message(now(), many))).toMatchObject({ reply: { type: 'success' }, log: [] })
  const { reply } = await post(await pub.message(now()))
  expect(reply?.type === 'list' && reply.objects.length).toBe(10_002)
}, 120_000)

function upperHost(base: string): string {
  return base.replace(/^rsync:\/\/[^/]+/, (host) => `rsync://${host.slice(8).toUpperCase()}`)
}
