/** What every command has from its base, seen from outside: exit codes, streams, JSON, signals, and the traps of the library. */
import { existsSync, statSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildFixture, type Fixture, type Outcome, type RunOptions } from './fixture.js'

let fixture: Fixture
beforeAll(async () => {
  fixture = await buildFixture()
})
afterAll(() => fixture.remove())

const run = (argv: string, options?: RunOptions): Promise<Outcome> => fixture.run(argv.split(' '), options)
const SHOW = 'show acme --data-dir /d'
const SECRET = 'correct horse'

/** The same command in both modes: one exit code, the error on stderr or as a document on stdout. */
async function both(argv: string): Promise<{ readonly text: Outcome; readonly error: Record<string, unknown> }> {
  const text = await run(argv)
  const json = await run(`${argv} --json`)
  expect(json.code).toBe(text.code)
  expect(text.stdout).toBe('')
  expect(json.stderr).toBe('')
  const document: unknown = JSON.parse(json.stdout)
  expect(Object.keys(document as object)).toEqual(['error'])
  const { error } = document as { error: Record<string, unknown> }
  expect(Object.keys(error)).toEqual(['kind', 'code', 'message', 'hint', 'details', 'changed', 'retry', 'retryAfter'])
  return { text, error }
}

describe('a report', () => {
  test('is shown as text, warnings on stderr', async () => {
    const shown = { code: 0, stdout: 'CA    Tags\nacme  a+b\n', stderr: 'Warning: look out\n' }
    expect(await run(`${SHOW} --tag a --tag b`)).toEqual(shown)
    expect(await run(`${SHOW} --tag a --tag b`, { isProcess: true })).toEqual(shown)
  })

  test('is printed whole with --json, and stdout holds nothing else', async () => {
    const env = { BRINE_DATA_DIR: '/e', BRINE_ACTOR: 'eve' }
    const { code, stdout } = await fixture.run(
      ['show', 'acme', '--json', '--reason', 'why not', '--lock-timeout', '1m30s'],
      { env },
    )
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({
      ca: 'acme',
      rest: [],
      tags: [],
      since: null,
      dataDir: '/e',
      actor: 'eve',
      reason: 'why not',
      lockTimeoutSeconds: 90,
      command: 'brine show',
    })
  })

  test('sets the exit code where it says so itself, the same in both modes', async () => {
    expect(await run('thing change partly')).toEqual({ code: 3, stdout: 'done: partly\n', stderr: '' })
    expect(await run('thing change partly --json')).toEqual({
      code: 3,
      stdout: '{\n  "how": "partly",\n  "changed": "no"\n}\n',
      stderr: '',
    })
  })

  test('is silent with --quiet for a change, not for data', async () => {
    expect(await run('thing change ok --quiet')).toEqual({ code: 0, stdout: '', stderr: '' })
    expect(await run(`${SHOW} --quiet`)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('acme') as unknown,
      stderr: '',
    })
    expect((await run('thing change ok --quiet --json')).stdout).toContain('"how": "ok"')
  })

  test('of a change that failed in part tells with --quiet what failed, and nothing else', async () => {
    const failed = { code: 3, stdout: '', stderr: 'Error: acme: no key\n' }
    expect(await run('thing change partly --quiet')).toEqual(failed)
    expect(await run('thing change partly --quiet --json')).toMatchObject({ code: 3, stderr: '' })
  })
})

describe('a failure', () => {
  test('of a rule: 1 in both modes, told by a white list, no other property of the error gets out', async () => {
    const { text, error } = await both('thing change reject')
    expect(text).toMatchObject({
      code: 1,
      stderr: 'Error: 192.0.2.0/24 is not held\nHint: ask the parent\nnothing changed\n',
    })
    expect(error).toEqual({
      kind: 'rejected',
      code: 'roa-not-held',
      message: '192.0.2.0/24 is not held',
      hint: 'ask the parent',
      details: { prefix: '192.0.2.0/24' },
      changed: 'no',
      retry: false,
      retryAfter: null,
    })
  })

  test('of a peer says when to try again', async () => {
    const { text, error } = await both('thing change remote')
    expect(text.code).toBe(15)
    expect(error).toMatchObject({ retry: true, retryAfter: 60, hint: null })
  })

  test('that is a bug: 70, its text only under DEBUG, its properties never', async () => {
    const { text, error } = await both('thing change bug')
    expect(text.code).toBe(70)
    expect(error).toMatchObject({ kind: 'internal', code: 'internal' })
    expect(text.stderr + JSON.stringify(error)).not.toContain('of undefined')
    const debugged = await run('thing change bug', { env: { DEBUG: 'brine' } })
    expect(debugged.stderr).toContain('x of undefined')
    expect(debugged.stderr).not.toContain(SECRET)
  })

  test('of the disk that nobody wrapped is io, no bug', async () => {
    const { text, error } = await both('thing change disk')
    expect(text.code).toBe(14)
    expect(error).toMatchObject({ kind: 'io', message: expect.stringContaining('ENOSPC') as unknown })
  })

  test('after the commit says that the change stands', async () => {
    const { text, error } = await both('thing change late')
    expect(text.stderr).toMatch(/\nchanged and durable\n$/)
    expect(error['changed']).toBe('yes')
  })
})

describe('bad usage is exit 2 and says what is wrong', () => {
  test.each([
    ['show --data-dir /d', 'argument-missing', 'missing argument: CA'],
    ['thing change ok more', 'argument-unexpected', 'unexpected argument: more'],
    ['thing change ok --dry-rum', 'flag-unknown', 'unknown flag --dry-rum, did you mean --dry-run?'],
    ['show ../x', 'handle-invalid', 'invalid handle "../x"'],
    [`show ${'a'.repeat(300)}`, 'handle-invalid', 'invalid handle'],
    ['show acme', 'data-dir-missing', 'no data directory given'],
    ['show acme --level bad', 'flag-invalid', '--level: bad is not one of: warning, critical'],
    ['show acme --size 10', 'number-invalid', '--size: not a whole number from 1 to 9: "10"'],
    ['show acme --size 0x3', 'number-invalid', '--size: not a whole number'],
    ['show acme --since yesterday', 'time-invalid', '--since: not a time: "yesterday"'],
    ['show acme --lock-timeout 30', 'duration-invalid', '--lock-timeout: not a duration: "30"'],
    ['show acme --size 1 --size 2', 'flag-invalid', '--size can only be given once'],
    ['show acme --size', 'flag-invalid', '--size needs a value'],
    ['shw acme', 'command-unknown', 'unknown command'],
  ])('%s: %s', async (argv, code, message) => {
    const { text, error } = await both(argv)
    expect(text.code).toBe(2)
    expect(error).toMatchObject({ kind: 'usage', code, changed: 'no' })
    expect(error['message']).toContain(message)
    expect(text.stderr).toContain(message)
    expect(text.stderr).not.toContain('    at ')
  })

  test.each([
    [['show', '']],
    [['show', 'acme', '--data-dir', '']],
    [['show', 'acme', '--data-dir=']],
    [['show', 'acme', '--actor', '  ']],
    [['show', 'acme', '--tag', '']],
    [['show', 'acme', '--', '']],
  ])('an empty value: %j', async (argv) => {
    const { code, stderr } = await fixture.run(argv, { env: { BRINE_DATA_DIR: '/d' } })
    expect(code).toBe(2)
    expect(stderr).toContain('is empty')
  })

  test('an empty BRINE_DATA_DIR is none', async () => {
    expect(await run('show acme', { env: { BRINE_DATA_DIR: '' } })).toMatchObject({ code: 2 })
  })

  test('control characters in what history keeps', async () => {
    const { code, stderr } = await fixture.run(['show', 'acme', '--data-dir', '/d', '--reason', 'a\u001b[2Jb'])
    expect(code).toBe(2)
    expect(stderr).not.toContain('\u001b')
  })
})

describe('the traps of the library', () => {
  test('a missing argument never reads standard input', async () => {
    expect(await run('show --data-dir /d', { input: 'acme\n' })).toMatchObject({ code: 2, stdout: '' })
    expect(await run('thing change', { input: 'ok\n' })).toMatchObject({ code: 2, stdout: '' })
  })

  test('a repeated flag swallows no argument', async () => {
    const { stdout } = await run('show --tag a acme x --tag b y --data-dir /d --json')
    expect(JSON.parse(stdout)).toMatchObject({ ca: 'acme', rest: ['x', 'y'], tags: ['a', 'b'] })
  })

  test('-h is no trap: help exits 0 and names the flags', async () => {
    const { code, stdout } = await run('thing change --help')
    expect(code).toBe(0)
    for (const flag of ['--dry-run', '--yes', '--data-dir', '--json', '--lock-timeout']) expect(stdout).toContain(flag)
  })
})

describe('confirmation', () => {
  test('without a terminal wants --yes', async () => {
    const { text, error } = await both('thing change ask')
    expect(text.code).toBe(2)
    expect(error).toMatchObject({ code: 'confirmation-needed', message: 'confirmation needed: acme loses 3 ROAs' })
    expect((await run('thing change ask', { input: 'y\n' })).code).toBe(2)
    expect((await run('thing change ask --yes')).code).toBe(0)
  })

  test.skipIf(!existsSync('/usr/bin/script')).each([
    ['yes', 'y\n', 0, 'done: ask\n'],
    ['no', 'n\n', 2, 'not confirmed: acme loses 3 ROAs\nnothing changed\n'],
    ['the end of input', '\u0004', 2, 'not confirmed: acme loses 3 ROAs\nnothing changed\n'],
    ['Ctrl-C', '\u0003', 130, 'interrupted, nothing changed\n'],
  ])('on a terminal asks: %s', async (_, keys, code, end) => {
    const outcome = await fixture.onTerminal(['thing', 'change', 'ask'], keys)
    expect(outcome.stdout).toContain('acme loses 3 ROAs. Continue? [y/N] ')
    expect(outcome.stdout.endsWith(end), outcome.stdout).toBe(true)
    expect(outcome.code).toBe(code)
  })
})

describe('standard output', () => {
  test('a reader that went away is no failure', async () => {
    const shell = '{ "$@"; echo "code $?" >&2; } | true'
    expect(await run('thing change commit', { shell })).toMatchObject({ stderr: 'code 0\n' })
    expect(await run('thing change commit --json', { shell })).toMatchObject({ stderr: 'code 0\n' })
    expect((await run('thing change reject --json', { shell })).stderr).toContain('code 1\n')
  })

  test('a full disk is exit 14, without a stack trace, and says whether the change stands', async () => {
    const shell = '"$@" > /dev/full'
    const lost = await run(SHOW, { shell })
    expect(lost.code).toBe(14)
    expect(lost.stderr).toMatch(/Error: cannot write to standard output: ENOSPC\n.*\nnothing changed\n$/)
    for (const mode of ['', ' --json']) {
      const stands = await run(`thing change commit${mode}`, { shell })
      expect(stands.code).toBe(14)
      expect(stands.stderr).toMatch(/^Error: cannot write to standard output: ENOSPC\n.*\nchanged and durable\n$/)
    }
  })

  test('a report that a full disk cut short is exit 14, though its first bytes were written', async () => {
    const shell = `trap '' XFSZ; ulimit -f 1; "$@" > ${fixture.dir}/short`
    const tags = Array.from({ length: 400 }, (_, i) => `--tag t${i}`).join(' ')
    const { code, stderr } = await run(`${SHOW} --quiet ${tags}`, { shell })
    expect(stderr).toContain('Error: cannot write to standard output: EFBIG')
    expect(code).toBe(14)
    expect(statSync(`${fixture.dir}/short`).size).toBe(512)
  })

  test('help that is lost is exit 14 too', async () => {
    const { code, stderr } = await run('thing change --help', { shell: '"$@" > /dev/full' })
    expect(stderr).toMatch(/^Error: cannot write to standard output: ENOSPC\n.*\nnothing changed\n$/)
    expect(code).toBe(14)
  })

  test('an error that cannot be written as JSON goes to stderr with its own code', async () => {
    expect(await run('thing change reject --json', { shell: '"$@" > /dev/full' })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('192.0.2.0/24 is not held') as unknown,
    })
  })

  test('is free of colour in a pipe', async () => {
    const { stdout } = await run(SHOW, { env: { FORCE_COLOR: '1' }, isProcess: true })
    expect(stdout).not.toContain('\u001b')
  })
})

describe('a signal', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s before the commit: %i, nothing changed', async (signal, code) => {
    const outcome = await run('thing change hang', { whenWaiting: (child) => child.kill(signal) })
    expect(outcome).toEqual({ code, stdout: '', stderr: 'waiting\ninterrupted, nothing changed\n' })
  })

  test('with --json tells the same on stdout', async () => {
    const { code, stdout } = await run('thing change hang --json', { whenWaiting: (child) => child.kill('SIGINT') })
    expect(code).toBe(130)
    expect(JSON.parse(stdout)).toMatchObject({ error: { kind: 'interrupted', changed: 'no', retry: true } })
  })

  test('after the commit: 17, the change stands; within: 18', async () => {
    const after = await run('thing change hangCommitted', { whenWaiting: (child) => child.kill('SIGINT') })
    expect(after.code).toBe(17)
    expect(after.stderr).toMatch(/brine tick\nchanged and durable\n$/)
    const within = await run('thing change hangUnknown', { whenWaiting: (child) => child.kill('SIGINT') })
    expect(within.code).toBe(18)
    expect(within.stderr).toMatch(/\nunknown whether anything changed\n$/)
  })
})
