/** `brine router`: add, list, roll and remove, what is refused, and router keys whose AS or CA key changes. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { sha256Hex } from '../../../src/core/crypto/digest.js'
import { seq } from '../../../src/core/der/writer.js'
import { pem } from '../../../src/core/pki/pem.js'
import { ecKey, routerRequest } from '../../support/rpki/router-requests.js'
import { refusalOf, runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
/** The sandbox with one router key of AS64496. */
let base: string
let name: string
const [first, second] = [ecKey(), ecKey()]
const csr = (file: string): string => join(box.path, file)

beforeAll(async () => {
  box = await sandbox()
  base = box.copy()
  const der = routerRequest(first)
  const unnamed = { subject: seq() }
  writeFileSync(csr('first.der'), der)
  writeFileSync(csr('first.pem'), pem('CERTIFICATE REQUEST', der))
  writeFileSync(csr('second.csr'), routerRequest(second))
  const other = routerRequest(first, (p) => Object.assign(p, unnamed))
  writeFileSync(csr('unnamed.csr'), other)
  writeFileSync(csr('unnamed.pem'), pem('CERTIFICATE REQUEST', other))
  writeFileSync(
    csr('forged.csr'),
    routerRequest(first, (p) => Object.assign(p, { signer: second })),
  )
  writeFileSync(csr('p384.csr'), routerRequest(ecKey('P-384')))
  writeFileSync(csr('half.csr'), der.subarray(0, 150))
  writeFileSync(csr('huge.csr'), Buffer.alloc(20_000, 0x30))
  writeFileSync(csr('text.csr'), 'no request')
  await runAt(base, ['child', 'update', 'testbed', 'acme', '--add', 'AS64497'])
  const ran = await runAt(base, [
    'router',
    'add',
    'acme',
    '--asn',
    '64496',
    '--csr',
    csr('first.pem'),
    '--note',
    'edge',
    '--json',
  ])
  ;[name = ''] = ran.json<{ added: string[] }>().added
})
afterAll(() => box.remove())

const copyOfBase = (): string => box.copy(base)

interface Listed {
  readonly routers: readonly {
    readonly router: string
    readonly state: string
    readonly replacedBy?: string
    readonly removedAt?: string
    readonly object: { readonly uri: string; readonly notAfter: string } | null
  }[]
}
const rows = async (dataDir: string) =>
  (await runAt(dataDir, ['router', 'list', 'acme', '--json'])).json<Listed>().routers
const listed = async (dataDir: string) =>
  (await rows(dataDir)).map(({ router, state, object }) => [router, state, object !== null])
/** Names of the router certificates in the published tree. */
const published = (dataDir: string): readonly string[] =>
  readdirSync(join(dataDir, 'repo/rsync/current'), { recursive: true, encoding: 'utf8' }).filter((path) =>
    /\/ROUTER-[^/]*\.cer$/.test(path),
  )

it('add publishes a certificate with its note, and list shows it', async () => {
  expect(name).toMatch(/^ROUTER-0000FBF0-[0-9A-F]{40}$/)
  const text = await runAt(base, ['router', 'list', 'acme'])
  expect(text.stdout).toMatch(/^AS64496 +192\.0\.2\.1 +[0-9A-F]{40} +published +2027-11-20T12:\S+ +edge$/m)
  expect(await rows(base)).toMatchObject([
    { router: name, asn: 64496, routerId: '192.0.2.1', comment: 'edge', state: 'published' },
  ])
  expect((await rows(base))[0]?.object?.uri).toContain(`/${name}.cer`)
  expect(published(base)).toHaveLength(1)
  expect((await runAt(base, ['router', 'list', 'acme', '--asn', '64497', '--json'])).json()).toEqual({
    ca: 'acme',
    routers: [],
  })
  const show = (await runAt(base, ['ca', 'show', 'acme', '--json'])).json()
  expect(show).toMatchObject({ routers: 1 })
})

it('a request on standard input, of a key that another AS has', async () => {
  const dataDir = copyOfBase()
  const ran = await runAt(dataDir, ['router', 'add', 'acme', '--asn', '64497', '--csr', '-', '--same-key', '--json'], {
    input: readFileSync(csr('unnamed.pem'), 'latin1'),
  })
  expect(ran.json<{ added: string[] }>().added).toEqual([name.replace('FBF0', 'FBF1')])
  expect(await refusalOf(dataDir, ['router', 'remove', 'acme', name.slice(16)])).toEqual([2, 'router-ambiguous'])
  expect((await runAt(dataDir, ['router', 'remove', 'acme', name])).code).toBe(0)
  expect(published(dataDir)).toHaveLength(1)
})

const add = (file: string, ...more: readonly string[]) => ['add', 'acme', '--asn', '64496', '--csr', file, ...more]
it.each<[number, string, readonly string[]]>([
  [1, 'router-request-invalid', add('forged.csr')],
  [1, 'router-request-invalid', add('p384.csr')],
  [1, 'router-request-invalid', add('half.csr')],
  [2, 'csr-unreadable', add('huge.csr')],
  [2, 'csr-unreadable', add('text.csr')],
  [2, 'file-unreadable', add('absent.csr')],
  [2, 'router-id-invalid', add('second.csr', '--router-id', '192.0.2.256')],
  [1, 'router-duplicate', add('first.der')],
  [1, 'router-other-as', ['add', 'acme', '--asn', '64497', '--csr', 'second.csr']],
  [1, 'router-key-in-use', ['add', 'acme', '--asn', '64497', '--csr', 'unnamed.csr']],
  [1, 'router-unknown', ['remove', 'acme', 'AB']],
  [1, 'router-unknown', ['roll', 'acme', 'AB', '--csr', 'second.csr']],
  [2, 'asn-invalid', ['add', 'acme', '--asn', 'AS4294967296', '--csr', 'second.csr']],
  [2, 'flag-invalid', ['add', 'acme', '--asn', '64496']],
  [1, 'ca-unknown', ['list', 'nobody']],
])('exit %i, %s: brine router %j', async (exit, code, args) => {
  const found = args.map((text) => (/\.(?:csr|der)$/.test(text) ? csr(text) : text))
  expect(await refusalOf(base, ['router', ...found])).toEqual([exit, code])
  expect(await listed(base)).toEqual([[name, 'published', true]])
})

it('--idempotent ignores what is in effect already', async () => {
  const dataDir = copyOfBase()
  for (const args of [add(csr('first.der')), ['remove', 'acme', 'AB']]) {
    const ran = await runAt(dataDir, ['router', ...args, '--idempotent', '--json'])
    expect([ran.code, ran.json()]).toMatchObject([0, { changed: 'no' }])
  }
})

it('a dry run changes nothing', async () => {
  const dataDir = copyOfBase()
  const commits = () => readdirSync(join(dataDir, 'commits')).length
  const [before, objects] = [commits(), published(dataDir)]
  for (const args of [
    add(csr('second.csr')),
    ['roll', 'acme', name, '--csr', csr('second.csr')],
    ['remove', 'acme', name],
  ]) {
    const report = (await runAt(dataDir, ['router', ...args, '--dry-run', '--json'])).json()
    expect(report).toMatchObject({ dryRun: true, changed: 'no', wouldChange: true })
  }
  expect([commits(), published(dataDir)]).toEqual([before, objects])
})

it('roll publishes both keys, says what is next, and the operator removes the old one', async () => {
  const dataDir = copyOfBase()
  const rolled = await runAt(dataDir, ['router', 'roll', 'acme', name, '--csr', csr('second.csr')])
  expect(rolled.stdout).toContain(`once the router signs with the new key: brine router remove acme ${name}`)
  const [old, fresh] = [...(await rows(dataDir))].sort((a) => (a.router === name ? -1 : 1))
  expect([old?.replacedBy, old?.removedAt, published(dataDir).length]).toEqual([fresh?.router, undefined, 2])
  const again = ['router', 'roll', 'acme', name, '--csr', csr('first.der')]
  expect((await refusalOf(dataDir, again))[0]).toBe(1)
  await runAt(dataDir, ['tick'], { now: '2026-12-21T12:00:00Z' })
  expect(published(dataDir)).toHaveLength(2)
  expect((await runAt(dataDir, ['router', 'remove', 'acme', name], { now: '2026-12-21T13:00:00Z' })).code).toBe(0)
  expect(published(dataDir)).toHaveLength(1)
})

it('roll --remove-after lets tick remove the old key, revoked by the CRL', async () => {
  const dataDir = copyOfBase()
  const roll = ['router', 'roll', 'acme', name.slice(16), '--csr', csr('second.csr'), '--remove-after', '24h']
  expect((await runAt(dataDir, roll)).stdout).toContain(`tick removes ${name}: let the router sign`)
  const removedAt = (await rows(dataDir)).find(({ router }) => router === name)?.removedAt
  expect(removedAt).toMatch(/^2026-11-22T12:0/)
  await runAt(dataDir, ['tick'], { now: '2026-11-22T11:59:00Z' })
  expect(published(dataDir)).toHaveLength(2)
  const ticked = await runAt(dataDir, ['tick', '--json'], { now: '2026-11-22T12:30:00Z' })
  expect(ticked.code).toBe(0)
  expect((await rows(dataDir)).map(({ router, replacedBy }) => [router === name, replacedBy])).toEqual([
    [false, undefined],
  ])
  expect(published(dataDir)).toHaveLength(1)
  const history = await runAt(dataDir, ['history', 'list', 'ca/acme', '--type', 'routers.update'])
  expect(history.stdout).toContain(`-${name}`)
})

it('a key whose AS is lost is told before, withdrawn and kept, and certified again with the AS', async () => {
  const dataDir = copyOfBase()
  const take = ['child', 'update', 'testbed', 'acme', '--remove', 'AS64496']
  const one = { ca: 'acme', router: name }
  expect((await runAt(dataDir, [...take, '--dry-run', '--json'])).json()).toMatchObject({ lost: [one], regained: [] })
  const asked = await runAt(dataDir, take)
  expect([asked.code, asked.stderr]).toEqual([
    2,
    expect.stringContaining('1 router key no longer held, withdrawn and kept in the configuration'),
  ])
  expect((await runAt(dataDir, [...take, '--yes', '--json'])).json()).toMatchObject({ lost: [one] })
  expect([await listed(dataDir), published(dataDir)]).toEqual([[[name, 'notHeld', false]], []])
  const back = await runAt(dataDir, ['child', 'update', 'testbed', 'acme', '--add', 'AS64496'])
  expect(back.stdout).toContain('1 router key held again, published')
  expect([await listed(dataDir), published(dataDir).length]).toEqual([[[name, 'published', true]], 1])
})

it('a key of a suspended CA is shown as suspended', async () => {
  const dataDir = copyOfBase()
  expect((await runAt(dataDir, ['child', 'suspend', 'testbed', 'acme', '--yes'])).code).toBe(0)
  expect(await listed(dataDir)).toEqual([[name, 'suspended', true]])
})

it('a key roll of the CA issues the certificate again under the new key, at the same place', async () => {
  const dataDir = copyOfBase()
  const [path] = published(dataDir)
  const octets = () => readFileSync(join(dataDir, 'repo/rsync/current', path ?? ''))
  const before = octets()
  expect((await runAt(dataDir, ['keyroll', 'init', 'acme', '--compromised'])).code).toBe(0)
  expect(published(dataDir)).toEqual([path])
  expect(octets().equals(before)).toBe(false)
  expect(await listed(dataDir)).toEqual([[name, 'published', true]])
})

it('tick renews the certificate four weeks before its end', async () => {
  const dataDir = copyOfBase()
  const end = async () => (await rows(dataDir))[0]?.object?.notAfter
  const before = await end()
  await runAt(dataDir, ['tick'], { now: '2027-10-20T12:00:00Z' })
  expect(await end()).toBe(before)
  await runAt(dataDir, ['tick'], { now: '2027-10-24T12:00:00Z' })
  expect(await end()).toMatch(/^2028-10-22/)
})

it('recover issues a certificate again that is missing', async () => {
  const dataDir = copyOfBase()
  const [path] = published(dataDir)
  const sha256 = sha256Hex(readFileSync(join(dataDir, 'repo/rsync/current', path ?? '')))
  rmSync(join(dataDir, 'objects', sha256.slice(0, 2), sha256))
  // the served tree is a copy of it
  rmSync(join(dataDir, 'repo'), { recursive: true })
  const ran = await runAt(dataDir, ['recover', '--yes', '--json'])
  expect([ran.code, ran.json()]).toMatchObject([0, { objects: { missing: [sha256] } }])
  expect(await listed(dataDir)).toEqual([[name, 'published', true]])
  expect(published(dataDir)).toEqual([path])
})

it('inspect decodes the published certificate without a fault', async () => {
  const [path = ''] = published(base)
  const ran = await runAt(base, ['inspect', join(base, 'repo/rsync/current', path), '--json'])
  const fields = { subject: 'ROUTER-0000FBF0', routerId: '192.0.2.1' }
  const file = { type: 'router-certificate', verdict: 'valid', fields }
  expect([ran.code, ran.json()]).toMatchObject([0, { files: [file] }])
})
