/** Words that a new user tries: suggestions for commands, handles and aggregates, the ways to ask for help, and what comes next. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { StatusReport } from '../../../src/core/app/status/report.js'
import { runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
})
afterAll(() => box.remove())

it.each([
  [['ca', 'shwo', 'acme'], 2, 'did you mean ca show?'],
  [['help', 'rao'], 2, 'did you mean roa?'],
  [['ca', 'list', 'extra'], 2, 'unexpected argument: extra'],
  [['roa', 'list', 'acm'], 1, 'there is no CA acm, did you mean acme?'],
  [['ca', 'add', 'x', '--under', 'testbd', '--resources', 'all'], 1, 'did you mean testbed?'],
  [['child', 'show', 'testbed', 'acmee'], 1, 'testbed has no child acmee, did you mean acme?'],
  [['history', 'show', 'acmme', '1'], 2, 'did you mean acme?'],
  [['status', '--fail-on', 'critcal'], 2, 'did you mean critical?'],
])('%j', async (args, code, says) => {
  const ran = await runAt(box.dataDir, args)
  expect([ran.code, ran.stderr]).toEqual([code, expect.stringContaining(says)])
})

it('a handle alone names its aggregate', async () => {
  const { commands } = (await runAt(box.dataDir, ['history', 'list', 'acme', '--json'])).json<{
    commands: readonly { handle: string; kind: string }[]
  }>()
  expect(commands).not.toHaveLength(0)
  for (const { kind, handle } of commands) expect([kind, handle]).toEqual(['ca', 'acme'])
  expect((await runAt(box.dataDir, ['audit', 'show', 'acme', '--at', '1'])).code).toBe(0)
})

it.each([[['-h']], [['help']], [['roa', '-h']], [['roa', 'add', '-h']], [['roa', 'help']], [['help', 'roa', 'add']]])(
  '%j is the help',
  async (args) => {
    const ran = await runAt(box.dataDir, args)
    expect([ran.code, ran.stdout]).toEqual([0, expect.stringContaining('USAGE')])
    if (args.includes('add')) expect(ran.stdout).toContain('$ brine roa add CA [ROA...]')
  },
)

it.each(['version', '-V', '--version'])('%s is the version', async (word) => {
  const ran = await runAt(box.dataDir, [word])
  expect([ran.code, ran.stdout]).toEqual([0, expect.stringMatching(/^brine\/\d+\.\d+\.\d+ /)])
})

it('a CA without a parent: what comes next, and status names it', async () => {
  const dataDir = box.copy()
  const added = await runAt(dataDir, ['ca', 'add', 'lone'])
  expect(added.stdout).toContain('without a parent')
  const next = added.stdout.split('\n').flatMap((line) => /^(?:next: |\s+)brine (.*)$/.exec(line)?.[1] ?? [])
  expect(next.filter((line) => / --out /.test(line)).map((line) => line.split(' ')[0])).toEqual(['parent', 'repo'])
  const here = next.filter((line) => line.includes(' --local'))
  expect(here).toHaveLength(3)
  const shown = await runAt(dataDir, ['status'])
  expect(shown.stdout).toMatch(
    /^no parent\s+lone\s+-> brine child add PARENT lone --local --resources RESOURCES, or brine parent request/m,
  )
  for (const line of here) {
    const ran = await runAt(dataDir, line.replace('PARENT', 'testbed').split(' '))
    expect([ran.code, ran.stderr], line).toEqual([0, ''])
  }
  const { cas } = (await runAt(dataDir, ['status', '--json'])).json<StatusReport>()
  expect(cas.map(({ handle, parents }) => [handle, parents])).toContainEqual(['lone', 1])
  expect((await runAt(dataDir, ['status'])).stdout).not.toContain('no parent')
})

it('a child whose CA does not exist yet: child add prints the commands that make it hold its resources', async () => {
  const dataDir = box.copy()
  const added = await runAt(dataDir, ['child', 'add', 'testbed', 'later', '--local', '--resources', '10.9.0.0/16'])
  const next = added.stdout.split('\n').flatMap((line) => /^next: brine (.*)$/.exec(line)?.[1] ?? [])
  expect(next).toEqual(['ca add later', 'repo configure later --local', 'parent add later testbed --local'])
  for (const line of next) expect((await runAt(dataDir, line.split(' '))).code, line).toBe(0)
  expect((await runAt(dataDir, ['ca', 'show', 'later'])).stdout).toContain('10.9.0.0/16')
})
