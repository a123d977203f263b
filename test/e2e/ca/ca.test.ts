/** `brine ca`: list, show, add and remove, as text and as JSON. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { repositoryResponse } from '../../support/peers/setup-files.js'
import { refusalOf, runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
})
afterAll(() => box.remove())

interface Shown {
  readonly parents: readonly { readonly name: string }[]
  readonly children: readonly { readonly name: string }[]
  readonly resources: { readonly ipv4: string }
  readonly classes: readonly { readonly keys: readonly { readonly state: string; readonly ski: string }[] }[]
}

it('list names every CA with its parents and resources', async () => {
  const text = await runAt(box.dataDir, ['ca', 'list'])
  expect([text.code, text.stderr]).toEqual([0, ''])
  expect(text.stdout).toMatch(/^acme +testbed +0 .* AS64496, 192\.0\.2\.0\/24$/m)
  expect(text.stdout).toMatch(/^testbed +ta +0 .* all$/m)
  const { cas } = (await runAt(box.dataDir, ['ca', 'list', '--json'])).json<{ cas: { handle: string }[] }>()
  expect(cas.map((ca) => ca.handle)).toEqual(['acme', 'testbed'])
})

it('show names the parents, the repository and the keys of a CA', async () => {
  const shown = (await runAt(box.dataDir, ['ca', 'show', 'acme', '--json'])).json<Shown>()
  expect(shown).toMatchObject({ handle: 'acme', parents: [{ name: 'testbed' }], resources: { ipv4: '192.0.2.0/24' } })
  const [key] = shown.classes.flatMap((one) => one.keys)
  expect(key?.state).toBe('current')
  const text = await runAt(box.dataDir, ['ca', 'show', 'acme'])
  expect([text.code, text.stdout]).toEqual([0, expect.stringContaining(key?.ski ?? 'no key')])
})

it('add with a parent publishes the first manifest, and remove withdraws it', async () => {
  const dataDir = box.copy()
  const add = ['ca', 'add', 'branch', '--under', 'acme', '--resources', '192.0.2.0/25']
  const dry = (await runAt(dataDir, [...add, '--dry-run', '--json'])).json()
  expect(dry).toMatchObject({ changed: 'no', wouldChange: true, dryRun: true, published: false })
  const added = (await runAt(dataDir, [...add, '--json'])).json()
  expect(added).toMatchObject({ ca: 'branch', parent: 'acme', changed: 'yes', dryRun: false, published: true })
  expect((await runAt(dataDir, ['ca', 'show', 'acme', '--json'])).json<Shown>().children).toMatchObject([
    { name: 'branch' },
  ])
  const remove = ['ca', 'remove', 'branch']
  expect(await refusalOf(dataDir, remove)).toEqual([2, 'confirmation-needed'])
  expect((await runAt(dataDir, [...remove, '--yes', '--json'])).json()).toMatchObject({
    changed: 'yes',
    published: true,
  })
  expect((await runAt(dataDir, ['ca', 'list'])).stdout).not.toContain('branch')
})

it('add without a parent makes a CA that publishes nothing', async () => {
  const dataDir = box.copy()
  const added = await runAt(dataDir, ['ca', 'add', 'alone'])
  expect([added.code, added.stderr]).toEqual([0, ''])
  expect((await runAt(dataDir, ['ca', 'show', 'alone', '--json'])).json<Shown>()).toMatchObject({
    parents: [],
    classes: [],
  })
})

it.each([
  [1, 'ca-unknown', ['ca', 'show', 'nobody']],
  [1, 'ca-duplicate', ['ca', 'add', 'acme']],
  [1, 'parent-unknown', ['ca', 'add', 'new', '--under', 'nobody', '--resources', '10.0.0.0/8']],
  [2, 'handle-invalid', ['ca', 'add', 'a b']],
])('exit %i, %s: brine %j', async (exit, code, args) => {
  expect(await refusalOf(box.dataDir, args)).toEqual([exit, code])
})

it('id makes a second ID key, and retires the first when no request has it', async () => {
  const dataDir = box.copy()
  expect((await runAt(dataDir, ['ca', 'id', 'show', 'acme'])).stdout).toContain('brine parent request acme makes one')
  await runAt(dataDir, ['parent', 'request', 'acme'])
  const dry = await runAt(dataDir, ['ca', 'id', 'add', 'acme', '--dry-run', '--json'])
  expect(dry.json()).toMatchObject({ changed: 'no', wouldChange: true, id: null })
  const { id } = (await runAt(dataDir, ['ca', 'id', 'add', 'acme', '--json'])).json<{ id: string }>()
  const { ids } = (await runAt(dataDir, ['ca', 'id', 'show', 'acme', '--json'])).json<{ ids: { ski: string }[] }>()
  expect(ids).toMatchObject([
    { newest: false, offered: ['parents'], users: [] },
    { newest: true, offered: [], users: [], ski: id },
  ])
  const retired = await runAt(dataDir, ['ca', 'id', 'retire', 'acme', (ids[0]?.ski ?? '').toLowerCase()])
  expect([retired.code, retired.stderr]).toEqual([0, ''])
  expect(retired.stdout).toMatch(
    new RegExp(`^KEY +CERTIFICATE UNTIL .*\n${id} .* newest\nacme seq \\d+: ID key .* retired`),
  )
})

it('id renew makes a new certificate of the same key, which the next request has', async () => {
  const dataDir = box.copy()
  const certificate = async () =>
    /<child_bpki_ta[^>]*>([^<]+)</.exec((await runAt(dataDir, ['parent', 'request', 'acme'])).stdout)?.[1]
  const before = await certificate()
  const dry = await runAt(dataDir, ['ca', 'id', 'renew', 'acme', '--dry-run', '--json'])
  expect(dry.json()).toMatchObject({ changed: 'no', wouldChange: true })
  expect(await certificate()).toBe(before)
  const renewed = await runAt(dataDir, ['ca', 'id', 'renew', 'acme'])
  expect([renewed.code, renewed.stderr]).toEqual([0, ''])
  expect(renewed.stdout).toMatch(
    /^KEY +CERTIFICATE UNTIL .*\n.*newest.*\nacme seq \d+: new certificate of ID key [0-9A-F]{40}/,
  )
  const after = await certificate()
  expect(after).toMatch(/^\s*MII/)
  expect(after).not.toBe(before)
})

it.each([
  [1, 'id-none', ['ca', 'id', 'renew', 'acme']],
  [1, 'id-unknown', ['ca', 'id', 'renew', 'acme', 'A'.repeat(40)]],
  [1, 'id-unknown', ['ca', 'id', 'retire', 'acme', 'A'.repeat(40)]],
  [2, 'key-invalid', ['ca', 'id', 'retire', 'acme', 'AB']],
  [2, 'id-peer', ['ca', 'id', 'use', 'acme', 'A'.repeat(40)]],
  [1, 'parent-local', ['ca', 'id', 'use', 'acme', 'A'.repeat(40), '--parent', 'testbed']],
  [1, 'ca-unknown', ['ca', 'id', 'show', 'nobody']],
])('exit %i, %s: brine %j', async (exit, code, args) => {
  expect(await refusalOf(box.dataDir, args)).toEqual([exit, code])
})

describe('a CA with a repository elsewhere', () => {
  let dataDir: string
  beforeEach(async () => {
    dataDir = box.copy()
    const response = join(dataDir, 'repository-response.xml')
    writeFileSync(response, await repositoryResponse('away'))
    await runAt(dataDir, ['ca', 'add', 'away'])
    await runAt(dataDir, ['repo', 'request', 'away'])
    await runAt(dataDir, ['repo', 'configure', 'away', '--response', response, '--allow-private'])
    await runAt(dataDir, ['child', 'add', 'testbed', 'away', '--local', '--resources', '10.0.0.0/8'])
    await runAt(dataDir, ['parent', 'add', 'away', 'testbed', '--local'])
  })
  const remove = ['ca', 'remove', 'away', '--yes']

  it('is not removed while the repository may have its objects', async () => {
    const refused = await runAt(dataDir, remove)
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('objects in its repository elsewhere')])
    expect(refused.stderr).toMatch(
      /brine .*parent remove away testbed; then brine .*repo sync away; then brine .*ca remove/,
    )
    await runAt(dataDir, ['parent', 'remove', 'away', 'testbed', '--yes'])
    // nothing was ever sent to the repository
    expect((await runAt(dataDir, remove)).code).toBe(0)
  })

  it('is removed with what the repository has if that is said, with a reason', async () => {
    expect(await refusalOf(dataDir, [...remove, '--abandon'])).toEqual([2, 'reason-required'])
    const removed = await runAt(dataDir, [...remove, '--abandon', '--reason', 'the server is gone'])
    expect([removed.code, removed.stderr]).toEqual([0, ''])
    expect((await runAt(dataDir, ['history', 'list', 'away'])).stdout).toContain('with what others still have of it')
  })
})
