/** `brine aspa`: add, list, update and remove, what is refused, and ASPAs whose customer AS or key changes. */
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { sha256Hex } from '../../../src/core/crypto/digest.js'
import { refusalOf, runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
/** The sandbox with the ASPA 64496 => 64497, 64498. */
let base: string
beforeAll(async () => {
  box = await sandbox()
  base = box.copy()
  expect((await runAt(base, ['aspa', 'add', 'acme', '64496 => 64498, 64497 # transit'])).code).toBe(0)
})
afterAll(() => box.remove())

const copyOfBase = (): string => box.copy(base)

interface Listed {
  readonly aspas: readonly {
    readonly aspa: string
    readonly state: string
    readonly object: { readonly uri: string } | null
  }[]
}
const listed = async (dataDir: string): Promise<readonly (readonly [string, string, boolean])[]> => {
  const { aspas } = (await runAt(dataDir, ['aspa', 'list', 'acme', '--json'])).json<Listed>()
  return aspas.map(({ aspa, state, object }) => [aspa, state, object !== null])
}
/** Paths of the ASPA objects in the published tree. */
const published = (dataDir: string): readonly string[] =>
  readdirSync(join(dataDir, 'repo/rsync/current'), { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.asa'),
  )

it('add publishes an ASPA with its comment, and list shows it', async () => {
  const text = await runAt(base, ['aspa', 'list', 'acme'])
  expect(text.stdout).toMatch(/^AS64496 +AS64497, AS64498 +published +transit$/m)
  const { aspas } = (await runAt(base, ['aspa', 'list', 'acme', '--json'])).json<Listed>()
  expect(aspas).toMatchObject([{ customer: 64496, providers: [64497, 64498], comment: 'transit', state: 'published' }])
  expect(aspas[0]?.object?.uri).toMatch(/\/AS64496\.asa$/)
  expect(published(base)).toHaveLength(1)
})

it('update adds and removes providers, and remove withdraws the object', async () => {
  const dataDir = copyOfBase()
  const args = ['aspa', 'update', 'acme', 'AS64496', '--add', '64499', '--remove', '64497', '--json']
  const { changes } = (await runAt(dataDir, args)).json<{ changes: readonly object[] }>()
  expect(changes).toContainEqual(
    expect.objectContaining({
      ...{ change: 'update', item: 'aspa', name: 'AS64496', before: 'AS64497, AS64498', after: 'AS64498, AS64499' },
    }),
  )
  expect(await listed(dataDir)).toEqual([['AS64496 => AS64498, AS64499', 'published', true]])
  const removed = (await runAt(dataDir, ['aspa', 'remove', 'acme', '64496', '--json'])).json()
  expect(removed).toMatchObject({ ca: 'acme', added: [], updated: [], removed: ['AS64496'], published: true })
  expect([await listed(dataDir), published(dataDir)]).toEqual([[], []])
})

it.each([
  [2, 'aspa-as0', ['add', 'acme', '64496 => 0, 64497']],
  [2, 'aspa-customer-provider', ['add', 'acme', '64496 => 64496, 64497']],
  [2, 'aspa-provider-duplicate', ['add', 'acme', '64496 => 64497, 64497']],
  [2, 'aspa-customer-zero', ['add', 'acme', '0 => 64497']],
  [2, 'aspa-empty', ['add', 'acme', '64496 =>']],
  [2, 'aspa-syntax', ['add', 'acme', '64496']],
  [2, 'aspa-asn-invalid', ['add', 'acme', '64496 => 4294967296']],
  [1, 'aspa-not-held', ['add', 'acme', '64511 => 64497']],
  [1, 'aspa-duplicate', ['add', 'acme', '64496 => 64499']],
  [1, 'aspa-duplicate', ['add', 'acme', '64496 => 64499', '--idempotent']],
  [1, 'aspa-unknown', ['remove', 'acme', '64497']],
  [1, 'aspa-unknown', ['update', 'acme', '64497', '--add', '64499']],
  [1, 'aspa-provider-duplicate', ['update', 'acme', '64496', '--add', '64497']],
  [1, 'aspa-provider-unknown', ['update', 'acme', '64496', '--remove', '64499']],
  [1, 'aspa-as0', ['update', 'acme', '64496', '--add', '0']],
  [1, 'aspa-customer-provider', ['update', 'acme', '64496', '--add', '64496']],
  [1, 'aspa-empty', ['update', 'acme', '64496', '--remove', '64497', '--remove', '64498']],
  [2, 'asn-invalid', ['remove', 'acme', 'AS4294967296']],
  [2, 'flag-missing', ['update', 'acme', '64496']],
  [1, 'ca-unknown', ['list', 'nobody']],
])('exit %i, %s: brine aspa %j', async (exit, code, args) => {
  expect(await refusalOf(base, ['aspa', ...args])).toEqual([exit, code])
  expect(await listed(base)).toEqual([['AS64496 => AS64497, AS64498', 'published', true]])
})

it('--idempotent ignores what is in effect already', async () => {
  const dataDir = copyOfBase()
  for (const args of [
    ['add', 'acme', '64496 => 64497, 64498'],
    ['update', 'acme', '64496', '--add', '64497', '--remove', '64499'],
    ['remove', 'acme', '64497'],
  ]) {
    const ran = await runAt(dataDir, ['aspa', ...args, '--idempotent', '--json'])
    expect([ran.code, ran.json()]).toMatchObject([0, { changed: 'no' }])
  }
  expect(await listed(dataDir)).toEqual([['AS64496 => AS64497, AS64498', 'published', true]])
})

it('a dry run changes nothing', async () => {
  const dataDir = copyOfBase()
  const commits = () => readdirSync(join(dataDir, 'commits')).length
  const [before, object] = [commits(), published(dataDir)]
  for (const args of [
    ['update', 'acme', '64496', '--add', '64499'],
    ['remove', 'acme', '64496'],
  ]) {
    const report = (await runAt(dataDir, ['aspa', ...args, '--dry-run', '--json'])).json()
    expect(report).toMatchObject({ dryRun: true, changed: 'no', wouldChange: true })
  }
  expect([commits(), published(dataDir)]).toEqual([before, object])
  expect(await listed(dataDir)).toEqual([['AS64496 => AS64497, AS64498', 'published', true]])
})

it('an ASPA whose AS is lost is told before, withdrawn and kept, and published again with the AS', async () => {
  const dataDir = copyOfBase()
  const take = ['child', 'update', 'testbed', 'acme', '--remove', 'AS64496']
  const [one] = [{ ca: 'acme', aspa: 'AS64496 => AS64497, AS64498' }]
  expect((await runAt(dataDir, [...take, '--dry-run', '--json'])).json()).toMatchObject({ lost: [one], regained: [] })
  const asked = await runAt(dataDir, take)
  expect([asked.code, asked.stderr]).toEqual([
    2,
    expect.stringContaining('1 ASPA no longer held, withdrawn and kept in the configuration'),
  ])
  expect(published(dataDir)).toHaveLength(1)
  const taken = await runAt(dataDir, [...take, '--yes', '--json'])
  expect(taken.json<{ changes: readonly object[] }>()).toMatchObject({ lost: [one], regained: [] })
  expect(taken.json<{ changes: readonly object[] }>().changes).toContainEqual(
    expect.objectContaining({ item: 'aspa', name: 'AS64496', after: 'AS64497, AS64498 (not held)' }),
  )
  expect(await listed(dataDir)).toEqual([['AS64496 => AS64497, AS64498', 'notHeld', false]])
  expect(published(dataDir)).toEqual([])
  const back = await runAt(dataDir, ['child', 'update', 'testbed', 'acme', '--add', 'AS64496'])
  expect([back.code, back.stdout]).toEqual([0, expect.stringContaining('1 ASPA held again, published')])
  expect(await listed(dataDir)).toEqual([['AS64496 => AS64497, AS64498', 'published', true]])
  expect(published(dataDir)).toHaveLength(1)
})

it('a key roll issues the object again under the new key, at the same place', async () => {
  const dataDir = copyOfBase()
  const [path] = published(dataDir)
  const octets = () => readFileSync(join(dataDir, 'repo/rsync/current', path ?? ''))
  const before = octets()
  expect((await runAt(dataDir, ['keyroll', 'init', 'acme', '--compromised'])).code).toBe(0)
  expect(published(dataDir)).toEqual([path])
  expect(octets().equals(before)).toBe(false)
  expect(await listed(dataDir)).toEqual([['AS64496 => AS64497, AS64498', 'published', true]])
})

it('recover issues an object again that is missing', async () => {
  const dataDir = copyOfBase()
  const { aspas } = (await runAt(dataDir, ['aspa', 'list', 'acme', '--json'])).json<Listed>()
  const [path] = published(dataDir)
  const sha256 = sha256Hex(readFileSync(join(dataDir, 'repo/rsync/current', path ?? '')))
  rmSync(join(dataDir, 'objects', sha256.slice(0, 2), sha256))
  // the served tree is a copy of it
  rmSync(join(dataDir, 'repo'), { recursive: true })
  const ran = await runAt(dataDir, ['recover', '--yes', '--json'])
  expect([ran.code, ran.json()]).toMatchObject([0, { objects: { missing: [sha256] } }])
  expect(await listed(dataDir)).toEqual([[aspas[0]?.aspa, 'published', true]])
  expect(published(dataDir)).toEqual([path])
})
