/** `--dry-run` shows the rows of a change, the command shows the same rows after it, and only the second changes anything. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { routerName } from '../../../src/core/resources/router-names.js'
import { decodeRouterRequest } from '../../../src/core/rpki/router-request.js'
import { routerRequest } from '../../support/rpki/router-requests.js'
import { footprint } from '../../support/sites/bad-input-box.js'
import { runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
let dataDir: string
beforeAll(async () => {
  box = await sandbox()
  dataDir = box.copy()
})
afterAll(() => box.remove())

interface Row {
  readonly change: string
  readonly item: string
  readonly of: string | null
  readonly name: string
  readonly before: string | null
  readonly after: string | null
}

async function rowsOf(args: readonly string[]): Promise<readonly Row[]> {
  const ran = await runAt(dataDir, [...args, '--json'])
  expect(ran.code, ran.stdout + ran.stderr).toBe(0)
  return ran.json<{ changes: readonly Row[] }>().changes
}

/** A row without what a dry run cannot know: names of new keys (and so their place in the order), hashes of objects. */
function known({ change, item, of, name, before, after }: Row): readonly (string | null)[] {
  const isHash = item === 'object'
  return [change, item, of, name.replace(/NEW-KEY|[0-9A-F]{40}/, 'KEY'), isHash ? null : before, isHash ? null : after]
}

/** The rows as `known` has them, sorted by what it keeps. */
const inOrder = (rows: readonly Row[]): readonly string[] => rows.map((row) => JSON.stringify(known(row))).sort()

const FILE = 'changes'
/** Names of the files with the requests of two routers. */
const [CSR, NEW_CSR] = ['old.csr', 'new.csr'] as const
const REQUESTS = { [CSR]: routerRequest(), [NEW_CSR]: routerRequest() }
const ROUTER = routerName(64496, decodeRouterRequest(REQUESTS[CSR]).content?.ski ?? '')
const STEPS: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['roa add', ['roa', 'add', 'acme', '192.0.2.0/24-28 => 64496 # office'], ['add roa 192.0.2.0/24-28 => 64496']],
  ['roa update', ['roa', 'update', 'acme', '--file', FILE], ['remove roa', 'add roa 192.0.2.0/25-25 => 64496']],
  ['aspa add', ['aspa', 'add', 'acme', '64496 => 64497, 64498'], ['add aspa AS64496']],
  ['aspa update', ['aspa', 'update', 'acme', '64496', '--remove', '64497'], ['update aspa AS64496']],
  ['aspa remove', ['aspa', 'remove', 'acme', '64496'], ['remove aspa AS64496']],
  ['router add', ['router', 'add', 'acme', '--asn', '64496', '--csr', CSR], [`add router ${ROUTER}`]],
  ['router roll', ['router', 'roll', 'acme', ROUTER, '--csr', NEW_CSR], [`update router ${ROUTER}`]],
  ['router remove', ['router', 'remove', 'acme', ROUTER], [`remove router ${ROUTER}`]],
  [
    'ca add',
    ['ca', 'add', 'leaf', '--under', 'acme', '--resources', '192.0.2.0/24'],
    ['add ca leaf', 'add child leaf'],
  ],
  ['roa add below', ['roa', 'add', 'leaf', '192.0.2.0/26=AS64497'], ['add roa']],
  [
    'child update',
    ['child', 'update', 'acme', 'leaf', '--resources', '192.0.2.128/25', '--yes'],
    ['update child leaf', 'update roa 192.0.2.0/26-26 => 64497'],
  ],
  ['ca remove', ['ca', 'remove', 'leaf', '--yes'], ['remove ca leaf', 'remove child leaf', 'remove roa']],
  [
    'child remove',
    ['child', 'remove', 'testbed', 'acme', '--yes', '--reason', 'test'],
    ['remove child acme', 'remove certificate'],
  ],
]

test.for(STEPS)('%s: the same rows before and after', async ([, words, wanted]) => {
  const args = words.map((word) => ([FILE, CSR, NEW_CSR].includes(word) ? join(box.path, word) : word))
  for (const [name, der] of Object.entries(REQUESTS)) writeFileSync(join(box.path, name), der)
  writeFileSync(join(box.path, FILE), 'R: 192.0.2.0/24-28 => 64496\nA: 192.0.2.0/25 => 64496\n')
  const before = footprint(dataDir)
  const text = await runAt(dataDir, [...args, '--dry-run'])
  const planned = await rowsOf([...args, '--dry-run'])
  expect(footprint(dataDir)).toEqual(before)
  const done = await rowsOf(args)
  expect(inOrder(done)).toEqual(inOrder(planned))
  const shown = planned.map(({ change, item, name }) => `${change} ${item} ${name}`)
  for (const want of [...wanted, 'update rrdp serial'])
    expect(shown.filter((row) => row.startsWith(want)).length, `${want} in\n${shown.join('\n')}`).toBeGreaterThan(0)
  expect(text.stdout).toMatch(/^ +WHAT +OF +NAME/)
  expect(text.stdout).toMatch(/; dry run, nothing changed\n$/)
  expect(text.stdout.split('\n').length).toBe(planned.length + 3)
})

test('a change that is in effect has no rows', async () => {
  dataDir = box.copy()
  await rowsOf(['roa', 'add', 'acme', '192.0.2.0/24 => 64496'])
  expect(await rowsOf(['roa', 'add', 'acme', '192.0.2.0/24 => 64496', '--idempotent'])).toEqual([])
  rmSync(join(box.path, FILE), { force: true })
})
