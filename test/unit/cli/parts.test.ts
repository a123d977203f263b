/** The parts of the command line that need no process: exit codes, context, confirmation, empty values, interruptions. */
import { describe, expect, test } from 'vitest'
import type { CommandContext } from '../../../src/core/base/context.js'
import { AppError } from '../../../src/core/base/errors.js'
import { parseMoment, resolveMoment } from '../../../src/core/base/moment.js'
import { nearest } from '../../../src/core/base/nearest.js'
import { parseInstant } from '../../../src/core/base/time.js'
import { confirm } from '../../../src/core/cli/confirm.js'
import { type CommandPorts, commandContext } from '../../../src/core/cli/context.js'
import { errorDocument, errorText, toAppError, withPasteableHint } from '../../../src/core/cli/errors.js'
import { EXIT_CODES } from '../../../src/core/cli/exit-codes.js'
import { refuseEmpty } from '../../../src/core/cli/flags/flags.js'
import { interruption } from '../../../src/core/cli/interrupt.js'
import { pasteWith } from '../../../src/core/cli/output/paste.js'
import { isColoured } from '../../../src/core/cli/output/theme.js'

test('exit codes are the ones that scripts know', () => {
  expect(EXIT_CODES).toEqual({
    rejected: 1,
    usage: 2,
    partial: 3,
    differs: 4,
    'no-data-dir': 10,
    locked: 11,
    corrupt: 12,
    format: 13,
    io: 14,
    remote: 15,
    unavailable: 16,
    pending: 17,
    uncertain: 18,
    credentials: 19,
    standby: 20,
    internal: 70,
    interrupted: 130,
  })
})

describe('hints and errors on the command line', () => {
  const error = new AppError('rejected', 'x', 'no', { hint: 'brine ca list shows the CAs, then: brine tick' })
  const topics = new Set(['ca', 'tick', 'roa'])
  const completed = (text: string, ...argv: readonly string[]): string | undefined =>
    withPasteableHint(new AppError('usage', 'x', 'no', { hint: text }), pasteWith(argv, topics)).hint

  test('keep the --data-dir that was given, quoted if needed', () => {
    const hint = (...argv: readonly string[]): string | undefined => completed(String(error.hint), ...argv)
    expect(hint('acme')).toBe(error.hint)
    expect(hint('acme', '--', '--data-dir', '/d')).toBe(error.hint)
    expect(hint('acme', '--data-dir', '/d')).toBe(
      'brine --data-dir /d ca list shows the CAs, then: brine --data-dir /d tick',
    )
    expect(hint("--data-dir=/it's here")).toContain("brine --data-dir '/it'\\''s here' ca list")
  })

  test.for<readonly [string, string]>([
    ['see: brine ca --help', 'see: brine ca --help'],
    ['see man brine and /etc/brine.toml', 'see man brine and /etc/brine.toml'],
    ['run brine as the owner, then: brine tick', 'run brine as the owner, then: brine --data-dir /d tick'],
    ['brine ca add --help or brine tick', 'brine ca add --help or brine --data-dir /d tick'],
    ['brine tick --data-dir /old; brine tick', 'brine tick --data-dir /old; brine --data-dir /d tick'],
  ])('complete the commands of %s', ([given, wanted]) => {
    expect(completed(given, '--data-dir', '/d')).toBe(wanted)
  })

  test('keep the --config that was given', () => {
    expect(completed('brine tick', '--config=/c.toml')).toBe('brine --config /c.toml tick')
  })

  test('colour the first word on a terminal only', () => {
    expect(errorText(error)).toMatch(/^Error: no\n/)
    expect(errorText(error, true)).toContain('\u001b[31mError:\u001b[39m no\n')
    expect(isColoured({ isTTY: true }, {})).toBe(true)
    for (const [isTTY, env] of [
      [false, {}],
      [true, { NO_COLOR: '1' }],
      [true, { TERM: 'dumb' }],
    ] as const)
      expect(isColoured({ isTTY }, env)).toBe(false)
  })
})

describe('the context', () => {
  const ports: CommandPorts = {
    command: 'brine roa add',
    watch: { changed: 'no' },
    onNotice: () => undefined,
    onProgress: () => undefined,
  }
  const context = (flags: object, env: Record<string, string> = {}): CommandContext =>
    commandContext(flags, { env, osUser: 'root', host: 'h1', interactive: false }, ports)

  test('names the actor: the flag, else who called sudo, else the login name; the OS user stays beside it', () => {
    const dir = { 'data-dir': '/d' }
    expect(context({ ...dir, actor: 'ci' }, { SUDO_USER: 'eve' })).toMatchObject({
      actor: 'ci',
      osUser: 'root',
      host: 'h1',
    })
    expect(context(dir, { SUDO_USER: 'eve' })).toMatchObject({ actor: 'eve', osUser: 'root' })
    expect(context(dir)).toMatchObject({ actor: 'root', osUser: 'root' })
    expect(context(dir, { SUDO_USER: 'e\u001b[2Jve' }).actor).toBe('root')
    expect(context(dir, { SUDO_USER: '' }).actor).toBe('root')
  })

  test('hands on BRINE_NOW as it stands, and leaves out what nobody said', () => {
    expect(context({ 'data-dir': '/d' }, { BRINE_NOW: 'soon' }).nowOverride).toBe('soon')
    const bare = Object.keys(context({ 'data-dir': '/d' }))
    for (const key of ['nowOverride', 'reason', 'configPath', 'lockTimeoutSeconds']) expect(bare).not.toContain(key)
  })

  test('wants a data directory', () => {
    expect(() => context({})).toThrow(expect.objectContaining({ kind: 'usage', code: 'data-dir-missing' }) as Error)
  })
})

describe('confirmation', () => {
  const asked = (answer: string) =>
    confirm({ what: 'it goes', yes: false, interactive: true }, async (question) => {
      expect(question).toBe('it goes. Continue? [y/N] ')
      return answer
    })

  test('asks the given question instead of the default one', async () => {
    const request = { what: 'it goes', question: 'Restore FILE into DIR?', yes: false, interactive: true }
    await confirm(request, async (question) => {
      expect(question).toBe('Restore FILE into DIR? [y/N] ')
      return 'y'
    })
  })

  test('takes a yes and nothing else', async () => {
    for (const answer of ['y', 'Y', 'yes\n', ' YES ']) await expect(asked(answer)).resolves.toBeUndefined()
    for (const answer of ['', 'n', 'yep', 'y y'])
      await expect(asked(answer)).rejects.toMatchObject({ kind: 'usage', code: 'confirmation-declined' })
  })

  test('asks nobody with --yes, and asks nobody without a terminal', async () => {
    const never = async (): Promise<string> => {
      throw new Error('asked')
    }
    await expect(confirm({ what: 'x', yes: true, interactive: true }, never)).resolves.toBeUndefined()
    await expect(confirm({ what: 'x', yes: false, interactive: false }, never)).rejects.toMatchObject({
      code: 'confirmation-needed',
    })
  })
})

describe('empty values', () => {
  test.each([
    [['a', ''], 'an argument is empty'],
    [['--ca', ''], '--ca is empty'],
    [['--ca='], '--ca is empty'],
    [['--ca= '], '--ca is empty'],
    [['--ca', '\t'], '--ca is empty'],
    [['--', ''], 'an argument is empty'],
  ])('%j', (argv, message) => {
    expect(() => refuseEmpty(argv)).toThrow(message)
  })

  test('behind -- a word may end with =', () => {
    expect(() => refuseEmpty(['a', '--x=1', '--', '--y='])).not.toThrow()
  })
})

describe('an interruption', () => {
  test('is 130, 143 or 129 while nothing changed', () => {
    expect(interruption('SIGINT', { changed: 'no' })).toMatchObject({ exitCode: 130, error: { kind: 'interrupted' } })
    expect(interruption('SIGTERM', { changed: 'no' }).exitCode).toBe(143)
    expect(interruption('SIGHUP', { changed: 'no' }).exitCode).toBe(129)
  })

  test('tells of a question that is open', () => {
    const openRequest = { kind: 'uncertain', message: 'one may issue', hint: 'brine est status 1' } as const
    expect(interruption('SIGINT', { changed: 'yes', openRequest })).toMatchObject({
      exitCode: 18,
      error: { message: 'interrupted: one may issue', hint: 'brine est status 1', changed: 'yes' },
    })
    expect(interruption('SIGINT', { changed: 'no', openRequest }).error.changed).toBe('unknown')
  })

  test('is pending after the commit, uncertain within', () => {
    expect(interruption('SIGTERM', { changed: 'yes' })).toMatchObject({ exitCode: 17, error: { changed: 'yes' } })
    expect(interruption('SIGTERM', { changed: 'unknown' })).toMatchObject({
      exitCode: 18,
      error: { changed: 'unknown' },
    })
  })
})

describe('errors', () => {
  const setting = { changed: 'no', command: 'brine x', debug: false } as const

  test('what an AppError says of the change stands, unless it says no and the watch knows better', () => {
    const changed = (own: 'no' | 'yes' | 'unknown', seen: 'no' | 'yes' | 'unknown') =>
      toAppError(new AppError('io', 'x-y', 'm', { changed: own, retryAfter: 3 }), { ...setting, changed: seen })
    expect(changed('no', 'yes')).toMatchObject({ changed: 'yes', retryAfter: 3, code: 'x-y' })
    expect(changed('no', 'unknown').changed).toBe('unknown')
    expect(changed('unknown', 'yes').changed).toBe('unknown')
    expect(changed('no', 'no').changed).toBe('no')
  })

  test('anything thrown becomes an error that can be printed', () => {
    for (const thrown of [undefined, null, 'text', 7, {}, new Error('x'), Symbol('s')]) {
      const error = toAppError(thrown, setting)
      expect(error.kind).toBe('internal')
      expect(JSON.parse(JSON.stringify(errorDocument(error)))).toHaveProperty('error.code', 'internal')
      expect(errorText(error)).toMatch(/^Error: internal error, a bug\nHint: .*\nnothing changed\n$/)
    }
  })
})

test('a moment is an instant or a time ago', () => {
  const now = parseInstant('2026-11-21T12:00:00Z')!
  const read = (text: string) => {
    const moment = parseMoment(text)
    return moment === undefined ? undefined : resolveMoment(moment, now)
  }
  expect(read('7d')).toBe('2026-11-14T12:00:00Z')
  expect(read('2026-01-01T01:00:00+01:00')).toBe('2026-01-01T00:00:00Z')
  expect(read('yesterday')).toBeUndefined()
  expect(read('')).toBeUndefined()
})

test('two letters swapped are one edit, in short words too', () => {
  const commands = ['tick', 'roa', 'list', 'link']
  expect(nearest('tikc', commands)).toBe('tick')
  expect(nearest('rao', commands)).toBe('roa')
  expect(nearest('tkcis', commands)).toBeUndefined()
  expect(nearest('tikcs', ['tick'])).toBeUndefined()
})

test('the nearest word is near, or there is none', () => {
  const words = ['--dry-run', '--data-dir', '--quiet']
  expect(nearest('--dry-rnu', words)).toBe('--dry-run')
  expect(nearest('--dryrun', words)).toBe('--dry-run')
  expect(nearest('--verbose', words)).toBeUndefined()
  expect(nearest('x', ['y', 'zz'])).toBe('y')
  expect(nearest('dry-run', ['dry-run', 'dry-rnu'])).toBe('dry-run')
})

describe('parse failures of oclif', () => {
  const setting = { changed: 'no', command: 'brine ta init', debug: false } as const

  test.each([
    [
      'The following errors occurred:\n  Missing required flag tal-https\n  Missing required flag tal-rsync\nSee more help with --help',
      'missing --tal-https and --tal-rsync',
    ],
    [
      'The following error occurred:\n  All of the following must be provided when using --resources: --under\nSee more help with --help',
      '--resources needs --under',
    ],
    [
      'The following error occurred:\n  --file=x cannot also be provided when using --plain\nSee more help with --help',
      '--file and --plain cannot be combined',
    ],
    ['Flag --rows expects a value\nSee more help with --help', '--rows needs a value'],
    [
      'Expected --fail-on=x to be one of: warning, critical\nSee more help with --help',
      '--fail-on: x is not one of: warning, critical',
    ],
  ])('are reported in our words: %j', (message, ours) => {
    const thrown = Object.assign(new Error(message), { oclif: { exit: 2 } })
    expect(toAppError(thrown, setting)).toMatchObject({
      kind: 'usage',
      message: ours,
      hint: 'see: brine ta init --help',
    })
  })
})
