/**
 * Requests of a child that RFC 6492 refuses, through a worker and a process of `brine cgi`: each is answered with its status, is one line for
 * the operator and changes nothing. Replays are refused.
 */
import { generateKeyPairSync, sign } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { addSeconds } from '../../../src/core/base/time.js'
import { encodeProvisioning } from '../../../src/core/protocols/provisioning/encode.js'
import type { ProvisioningBody } from '../../../src/core/protocols/provisioning/types.js'
import { signCertificationRequest } from '../../../src/core/rpki/certification-request.js'
import { type CraftedSite, craftedSite } from '../../support/peers/crafted-site.js'
import { type Party, partyOf } from '../../support/peers/parties.js'
import { NOW, type TestKey, testKey } from '../../support/rpki/parts.js'
import { brineOk, scratchFolder } from '../../support/sites/testbed.js'

vi.setConfig({ testTimeout: 30_000, hookTimeout: 120_000 })

const scratch = scratchFolder('provisioning-requests')
const PLACE = 'rsync://kid.example/repo/kid/0/'
let site: CraftedSite
let key: Party
let base = ''
/** A place of the parent's own objects. */
const own = (): string => `${base}0/`
const upperHost = (text: string): string => `rsync://${text.slice(8).toUpperCase()}`

beforeAll(async () => {
  site = await craftedSite(scratch.dir)
  key = await partyOf(39)
  const shown = await brineOk<Record<string, unknown>>(site.dir, ['ca', 'show', 'testbed', '--json'], NOW)
  base = /rsync:[^"]+\/testbed\//.exec(JSON.stringify(shown))?.[0] ?? ''
})
afterAll(async () => {
  await site?.stop()
  scratch.remove()
})

interface Changes {
  readonly place?: string
  readonly manifest?: string
  readonly notify?: string
  readonly className?: string
  readonly limit?: object
  readonly of?: Party
}

async function issue(changes: Changes = {}): Promise<Extract<ProvisioningBody, { readonly type: 'issue' }>> {
  const { place = PLACE, className = '0', limit = {}, of = key } = changes
  const { manifest = `${place}${of.id.ski}.mft`, notify } = changes
  const sia = { kind: 'ca' as const, caRepository: place, manifest, ...(notify === undefined ? {} : { notify }) }
  const csr = await signCertificationRequest({ ski: of.id.ski, spki: of.id.spki, sia }, of.id.sign)
  return { type: 'issue', className, limit, csr }
}

/** Returns a message of a child with a body, signed now unless `at` is given. */
async function ask(body: ProvisioningBody, { by = site.kid, sender = 'kid', to = 'testbed', at = NOW } = {}) {
  return by.say(encodeProvisioning({ sender, recipient: to, body }), at)
}

/** Expects a status in the answer of the worker. */
async function refusedWith(status: number, cms: Uint8Array, ca = 'testbed'): Promise<string> {
  const before = site.hashes()
  const { body, log } = await site.post(cms, ca)
  expect(body).toMatchObject({ type: 'error_response', status })
  expect(log).toEqual([expect.stringMatching(new RegExp(`^brine cgi: request of kid to ${ca}: ${status}: .{5,500}$`))])
  expect(site.hashes()).toEqual(before)
  return log[0] ?? ''
}

async function weakRequest(): Promise<ProvisioningBody> {
  const { key: weak, spki, name }: TestKey = testKey(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey)
  const sia = { kind: 'ca' as const, caRepository: PLACE, manifest: `${PLACE}${name}.mft` }
  const csr = await signCertificationRequest({ ski: name as never, spki, sia }, async (tbs) =>
    sign('sha256', tbs, weak),
  )
  return { ...(await issue()), csr }
}

describe('a request is answered with its status', () => {
  test.each<[number, string, () => Promise<ProvisioningBody>]>([
    [1201, 'an unknown class', () => issue({ className: 'none' })],
    [1202, 'resources that are not held', () => issue({ limit: { asn: '', ipv4: '192.0.2.0/24', ipv6: '' } })],
    [1203, 'a place of the parent', () => issue({ place: own() })],
    [1203, 'a place below one of the parent', () => issue({ place: `${own()}kid/` })],
    [1203, 'a place that is no folder', () => issue({ place: PLACE.slice(0, -1), manifest: `${PLACE}x.mft` })],
    [1203, 'a place with HTTPS', () => issue({ place: PLACE.replace('rsync:', 'https:') })],
    [1203, 'a place with two dots', () => issue({ place: `${PLACE}../1/` })],
    [1203, 'a place of the parent with a port', () => issue({ place: own().replace(/(rsync:..[^/]+)/, '$1:873') })],
    [1203, 'a place of the parent in upper case', () => issue({ place: own().replace(/rsync:..[^/]+/, upperHost) })],
    [1203, 'a place of the parent with a user', () => issue({ place: own().replace('rsync://', 'rsync://a@') })],
    [1203, 'a place of the parent with a last dot', () => issue({ place: own().replace(/(rsync:..[^/]+)/, '$1.') })],
    [1203, 'a place with a port that is none', () => issue({ place: PLACE.replace('.example', '.example:99999') })],
    [1203, 'a place with an escape', () => issue({ place: `${PLACE}%2e%2e/` })],
    [1203, 'a place with an empty segment', () => issue({ place: `${PLACE}/0/` })],
    [1203, 'a manifest outside of the place', () => issue({ manifest: 'rsync://kid.example/repo/other/x.mft' })],
    [1203, 'a manifest of another host', () => issue({ manifest: `${PLACE.replace('kid.', 'bob.')}x.mft` })],
    [1203, 'a manifest with HTTPS', () => issue({ manifest: `${PLACE.replace('rsync:', 'https:')}x.mft` })],
    [1203, 'an RRDP notification file without TLS', () => issue({ notify: 'http://kid.example/notification.xml' })],
    [1203, 'an RSA key of 1024 bits', weakRequest],
    [
      1203,
      'a CSR with a bad signature',
      async () => {
        const { csr, ...rest } = await issue()
        return { ...rest, csr: Uint8Array.from([...csr.slice(0, -1), (csr.at(-1) ?? 0) ^ 1]) }
      },
    ],
    [1203, 'a CSR that is none', async () => ({ ...(await issue()), csr: Uint8Array.of(0x30, 0) })],
    [1301, 'the revocation in an unknown class', async () => ({ type: 'revoke', className: 'none', ski: key.id.ski })],
    [1302, 'the revocation of an unknown key', async () => ({ type: 'revoke', className: '0', ski: key.id.ski })],
    [1103, 'what only a parent sends', async () => ({ type: 'list_response', classes: [] })],
  ])('%i: %s', async (status, _, make) => void (await refusedWith(status, await ask(await make()))))

  test('1103: a message of another child, with a sentence that names both', async () => {
    const line = await refusedWith(1103, await ask({ type: 'list' }, { sender: 'bob' }))
    expect(line).toMatch(/of "bob", and is signed by kid$/)
  })

  test('a process answers as the worker does', async () => {
    const before = site.hashes()
    for (const cms of [await ask(await issue({ className: 'none' })), await ask({ type: 'list' }, { sender: 'bob' })]) {
      const { body, log, octets } = site.postToProcess(cms)
      expect([body?.type, log.length]).toEqual(['error_response', 1])
      expect(await site.post(cms)).toMatchObject({ body, octets })
    }
    expect(site.hashes()).toEqual(before)
  })
})

describe('1204', () => {
  test('for a key that another child has, and for its place 1203', async () => {
    const [taken, other] = await Promise.all([partyOf(37), partyOf(36)])
    const place = 'rsync://bob.example/repo/bob/0/'
    const first = await site.post(await ask(await issue({ of: taken, place }), { by: site.bob, sender: 'bob' }))
    expect(first.body?.type).toBe('issue_response')
    expect(await refusedWith(1204, await ask(await issue({ of: taken })))).toMatch(/by another child$/)
    await refusedWith(1203, await ask(await issue({ of: other, place })))
    await refusedWith(1203, await ask(await issue({ of: other, place: `${place}below/` })))
    await refusedWith(1302, await ask({ type: 'revoke', className: '0', ski: taken.id.ski }))
  })

  test('for a key of another class', async () => {
    const run = (...args: readonly string[]) => brineOk(site.dir, args, NOW)
    await run('ca', 'add', 'acme', '--under', 'testbed', '--resources', '10.0.0.0/8')
    await run('ca', 'add', 'mid', '--under', 'testbed', '--resources', '192.0.2.0/24')
    await run('child', 'add', 'mid', 'acme', '--local', '--resources', '192.0.2.0/24')
    await run('parent', 'add', 'acme', 'mid', '--local')
    await site.addChild('acme', 'kid', site.kid, '10.0.0.0/16, 192.0.2.0/24')
    const { body } = await site.post(await ask({ type: 'list' }, { to: 'acme' }), 'acme')
    const names = body?.type === 'list_response' ? body.classes.map(({ className }) => className) : []
    expect(names).toHaveLength(2)
    const [first = '', second = ''] = names
    const issued = await site.post(await ask(await issue({ className: first }), { to: 'acme' }), 'acme')
    expect(issued.body?.type).toBe('issue_response')
    const place = 'rsync://kid.example/repo/kid/1/'
    const line = await refusedWith(1204, await ask(await issue({ className: second, place }), { to: 'acme' }), 'acme')
    expect(line).toMatch(new RegExp(`in class ${first}$`))
  })
})

describe('a message that comes again', () => {
  test('with the same octets is answered with the same octets, and is carried out once', async () => {
    const { ski } = (await partyOf(35)).id
    const made = await site.post(await ask(await issue({ of: await partyOf(35) }), { at: addSeconds(NOW, 10) }))
    expect(made.body?.type).toBe('issue_response')
    const cms = await ask({ type: 'revoke', className: '0', ski }, { at: addSeconds(NOW, 20) })
    const first = await site.post(cms)
    expect(first.body?.type).toBe('revoke_response')
    const before = site.hashes()
    for (const again of [await site.post(cms), site.postToProcess(cms)]) {
      expect(again.octets.equals(first.octets)).toBe(true)
      expect(again.log).toEqual([])
    }
    expect(site.hashes()).toEqual(before)
  })

  test('after a later one of the same child is refused', async () => {
    const older = await ask({ type: 'list' }, { at: addSeconds(NOW, 30) })
    const unreadable = await site.kid.say('list', addSeconds(NOW, 30))
    await site.post(await ask({ type: 'list' }, { at: addSeconds(NOW, 40) }))
    const before = site.hashes(true)
    for (const cms of [older, unreadable]) {
      const { status, log } = await site.post(cms)
      expect([status, log.length]).toEqual(['400', 1])
      expect(log[0]).toMatch(/a replay: signed at 2026-06-01T12:00:30Z, before the last message of kid of 2026/)
      expect(site.postToProcess(cms)).toMatchObject({ status, log })
    }
    expect(site.hashes(true)).toEqual(before)
    // the clock of another child is its own
    expect((await site.post(await ask({ type: 'list' }, { by: site.bob, sender: 'bob' }))).body?.type).toBe(
      'list_response',
    )
  })
})
