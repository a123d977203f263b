/** Arguments that no command may take: refused as usage (2) before anything is touched. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  expectRefused,
  footprint,
  inTurn,
  makeSandbox,
  type Refusal,
  type Sandbox,
} from '../../support/sites/bad-input-box.js'

let sandbox: Sandbox & { readonly remove: () => void }

beforeAll(async () => {
  sandbox = await makeSandbox()
})
afterAll(() => sandbox.remove())

const HOSTILE = [
  '..',
  '.',
  'a/../../etc',
  '../x',
  '/etc/passwd',
  'a\\..\\b',
  'a\nb',
  '\u001b[2Jx',
  'a\u009bb',
  'x'.repeat(256),
  'x'.repeat(300),
  'ünïcode',
  'a b',
  'a%2fb',
  'a/',
  'a//b',
  '$(touch pwned)',
  'a;b',
  'a|b',
  '`id`',
]

/** Every place of a handle on the command line. */
const PLACES: readonly ((handle: string) => readonly string[])[] = [
  (h) => ['ca', 'add', h],
  (h) => ['ca', 'add', 'x', '--under', h, '--resources', 'all'],
  (h) => ['ca', 'show', h],
  (h) => ['ca', 'remove', h, '--yes'],
  (h) => ['child', 'add', 'testbed', h, '--resources', 'AS1', '--local'],
  (h) => ['child', 'show', h, 'acme'],
  (h) => ['child', 'update', 'testbed', h, '--add', 'AS1', '--yes'],
  (h) => ['child', 'remove', 'testbed', h, '--yes'],
  (h) => ['parent', 'add', 'acme', h, '--local'],
  (h) => ['repo', 'configure', h, '--local'],
  (h) => ['roa', 'list', h],
  (h) => ['roa', 'add', h, '192.0.2.0/25=AS64496'],
  (h) => ['republish', h],
]

async function refuseAll(cases: readonly (readonly [readonly string[], Refusal])[]): Promise<void> {
  const before = footprint(sandbox.dir, /^$/)
  await inTurn(cases, ([args, refusal]) => expectRefused(sandbox, args, refusal))
  expect(footprint(sandbox.dir, /^$/)).toEqual(before)
}

describe('handles', () => {
  it('B001-B013, B017: a hostile handle is refused wherever a handle belongs, and shown without what it does to a terminal', async () => {
    const invalid: Refusal = { exit: 2, code: 'handle-invalid', says: ['invalid handle "', 'RFC 8183'] }
    const cases = [
      ...HOSTILE.map((handle) => [['ca', 'add', handle], invalid] as const),
      ...PLACES.map((place) => [place('../x'), invalid] as const),
    ]
    await refuseAll(cases)
    const { stderr } = await sandbox.run(['ca', 'add', 'a\u001b[2J\u009bb'])
    expect(stderr).toContain('"a\\u001b[2J\\u009bb"')
    expect(existsSync(join(sandbox.cwd, 'pwned'))).toBe(false)
  })

  it('B003: an empty one is refused as empty', async () => {
    await refuseAll(PLACES.map((place) => [place(''), { exit: 2, code: 'value-empty' }] as const))
  })

  it('B015, B016: names of object members are names like any other, names like flags are refused', async () => {
    const { run } = sandbox.copy()
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'a/b', 'A/B', 'a_b']
    for (const name of names) expect((await run(['ca', 'add', '--', name])).code, name).toBe(0)
    const { cas } = (await run(['ca', 'list', '--json'])).json<{ cas: { handle: string }[] }>()
    expect(cas.map((ca) => ca.handle)).toEqual([...names, 'acme', 'testbed'].sort())
    for (const name of ['__proto__', 'constructor']) {
      expect((await run(['child', 'add', '--local', '--resources', 'AS64496', '--', 'acme', name])).code, name).toBe(0)
      const shown = await run(['child', 'show', '--json', '--', 'acme', name])
      expect(shown.json<{ child: string }>().child).toBe(name)
      expect((await run(['ca', 'remove', '--yes', '--', name])).code, name).toBe(0)
      await expectRefused({ run }, ['ca', 'show', '--', name], { exit: 1, code: 'ca-unknown' })
    }
    for (const name of ['-rf', '--help']) {
      const refusal: Refusal = { exit: 2, code: 'handle-invalid', says: ['does not begin with -'] }
      await expectRefused({ run }, ['ca', 'add', '--', name], refusal)
      await expectRefused({ run }, ['child', 'add', '--local', '--resources', 'AS64496', '--', 'acme', name], refusal)
    }
  }, 120_000)

  it('names of object members that nobody added are unknown', async () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      await expectRefused(sandbox, ['ca', 'show', name], { exit: 1, code: 'ca-unknown', says: [name] })
      await expectRefused(sandbox, ['child', 'show', 'testbed', name], { exit: 1, code: 'child-unknown', says: [name] })
    }
  })
})

describe('values', () => {
  it('an empty value of any flag or argument is refused, before and behind the command, with = and without', async () => {
    const commands: readonly (readonly [readonly string[], readonly string[]])[] = [
      [
        ['ca', 'add', 'x'],
        ['--under', '--resources'],
      ],
      [
        ['child', 'update', 'testbed', 'acme'],
        ['--resources', '--add', '--remove'],
      ],
      [['roa', 'update', 'acme'], ['--file']],
      [
        ['pubserver', 'init'],
        ['--rsync', '--rrdp'],
      ],
      [['pubserver', 'write'], ['--into']],
      [['ta', 'tal'], ['--out']],
      [
        ['ta', 'init'],
        ['--tal-https', '--tal-rsync'],
      ],
      [
        ['ca', 'list'],
        ['--data-dir', '--config', '--actor', '--reason', '--lock-timeout'],
      ],
    ]
    const cases = commands.flatMap(([command, flags]) =>
      flags.flatMap((flag): (readonly [readonly string[], Refusal])[] => {
        const refusal = { exit: 2, code: 'value-empty', says: [`${flag} is empty`] }
        return [
          [[...command, flag, ''], refusal],
          [[...command, `${flag}=`], refusal],
          [[...command, flag, ' '], refusal],
        ]
      }),
    )
    await refuseAll([
      ...cases,
      [['--actor', '', 'ca', 'list'], { exit: 2, code: 'value-empty', says: ['--actor is empty'] }],
      [['roa', 'add', 'acme', ''], { exit: 2, code: 'value-empty', says: ['an argument is empty'] }],
    ])
  }, 120_000)

  it('B018, B019: unknown flags and commands, missing and surplus arguments, and a secret that has no flag', async () => {
    await refuseAll([
      [['ca', 'list', '--jsn'], { exit: 2, code: 'flag-unknown', says: ['--jsn, did you mean --json?'] }],
      [['ca', 'list', '--passphrase=x'], { exit: 2, code: 'flag-unknown' }],
      [['ca', 'shwo'], { exit: 2, code: 'command-unknown', says: ['did you mean ca show?'] }],
      [['ca', 'show'], { exit: 2, code: 'argument-missing', says: ['CA'] }],
      [['ca', 'show', 'acme', 'more'], { exit: 2, code: 'argument-unexpected', says: ['more'] }],
      [
        ['ca', 'list', '--lock-timeout', 'soon'],
        { exit: 2, code: 'duration-invalid', says: ['--lock-timeout', '"soon"'] },
      ],
      [['ca', 'list', '--lock-timeout', '-5s'], { exit: 2, code: 'duration-invalid' }],
      [['ca', 'list', '--actor', 'a\nb'], { exit: 2, code: 'text-invalid' }],
      [['ca', 'remove', 'acme'], { exit: 2, code: 'confirmation-needed', says: ['--yes'] }],
    ])
  })

  it('standard input is no argument: one that is missing is told, and what waits there is not read', async () => {
    const before = footprint(sandbox.dir, /^$/)
    const cases = [
      ['ca', 'show'],
      ['ca', 'add'],
      ['roa', 'add', 'acme'],
      ['roa', 'remove', 'acme'],
      ['child', 'show', 'testbed'],
    ]
    await inTurn(cases, (args) =>
      expectRefused(sandbox, args, { exit: 2, code: 'argument-missing' }, { input: '192.0.2.0/25=AS64496\n' }),
    )
    await expectRefused(
      sandbox,
      ['roa', 'update', 'acme'],
      { exit: 2, code: 'flag-invalid', says: ['file'] },
      { input: 'A: x' },
    )
    expect(footprint(sandbox.dir, /^$/)).toEqual(before)
  })
})
