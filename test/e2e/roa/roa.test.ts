/** `brine roa`: add, list, update and remove, as text and as JSON; what is refused is in refused.test.ts. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { refusalOf, runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
})
afterAll(() => box.remove())

const ROA = '192.0.2.0/24-25 => 64496'

interface Listed {
  readonly roas: readonly { readonly prefix: string; readonly comment?: string; readonly state: string }[]
}

it('add publishes a ROA with its comment, list shows it, and remove withdraws it', async () => {
  const dataDir = box.copy()
  const added = await runAt(dataDir, ['roa', 'add', 'acme', `${ROA} # office`])
  expect([added.code, added.stderr, added.stdout]).toEqual([0, '', expect.stringContaining('+1 ROA')])
  const text = await runAt(dataDir, ['roa', 'list', 'acme'])
  expect(text.stdout).toMatch(/^192\.0\.2\.0\/24 +25 +AS64496 +published +office$/m)
  const { roas } = (await runAt(dataDir, ['roa', 'list', 'acme', '--json'])).json<Listed>()
  expect(roas).toMatchObject([
    { prefix: '192.0.2.0/24', maxLength: 25, asn: 64496, comment: 'office', state: 'published' },
  ])
  const removed = (await runAt(dataDir, ['roa', 'remove', 'acme', ROA, '--json'])).json()
  expect(removed).toMatchObject({ ca: 'acme', added: [], removed: [ROA], published: true })
  expect((await runAt(dataDir, ['roa', 'list', 'acme', '--json'])).json<Listed>().roas).toEqual([])
})

it('update takes a file of changes as one command', async () => {
  const dataDir = box.copy()
  const file = join(box.path, 'changes')
  writeFileSync(file, 'A: 192.0.2.0/25 => 64496\nA: 192.0.2.128/25 => 64496 # second half\n')
  const dry = (await runAt(dataDir, ['roa', 'update', 'acme', '--file', file, '--dry-run', '--json'])).json()
  expect(dry).toMatchObject({ dryRun: true, changed: 'no', wouldChange: true })
  const done = (await runAt(dataDir, ['roa', 'update', 'acme', '--file', file, '--json'])).json<{ added: string[] }>()
  expect(done.added).toHaveLength(2)
  expect((await runAt(dataDir, ['roa', 'list', 'acme', '--json'])).json<Listed>().roas).toHaveLength(2)
})

it.each([
  [1, 'roa-not-held', ['roa', 'add', 'acme', '10.0.0.0/8 => 64496']],
  [1, 'ca-unknown', ['roa', 'list', 'nobody']],
])('exit %i, %s: brine %j', async (exit, code, args) => {
  expect(await refusalOf(box.dataDir, args)).toEqual([exit, code])
})
