/** A command line that lacks several things is refused once: one message names them all, and the hint is the completed command line. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Need } from '../../../src/core/cli/missing.js'
import { runBrine } from '../../support/processes/cli.js'

interface Shape {
  readonly required?: boolean
}
interface Command {
  readonly args?: Readonly<Record<string, Shape>>
  readonly flags?: Readonly<Record<string, Shape>>
  readonly needs?: readonly Need[]
  readonly opensDataDir?: boolean
}
interface Refusal {
  readonly error: {
    readonly kind: string
    readonly code: string
    readonly message: string
    readonly hint: string
    readonly details: { readonly missing: readonly string[] } | null
  }
}

const MANIFEST: { readonly commands: Readonly<Record<string, Command>> } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../oclif.manifest.json'), 'utf8'),
)

/** Returns the names that have to be given to a command, as its messages show them. */
function requirementsOf({ args = {}, flags = {}, needs = [] }: Command): readonly string[] {
  const required = (of: Readonly<Record<string, Shape>>) =>
    Object.keys(of).filter((name) => of[name]?.required === true)
  const always = needs.filter((need) => need.with === undefined).flatMap(({ oneOf }) => Object.keys(oneOf))
  return [
    ...required(args).map((name) => name.toUpperCase()),
    ...required(flags).map((name) => `--${name}`),
    ...always.map((name) => (name in args ? name.toUpperCase() : `--${name}`)),
  ]
}

const DEMANDING = Object.entries(MANIFEST.commands).filter(([, command]) => requirementsOf(command).length > 0)

test('most commands require something', () => {
  expect(DEMANDING.length).toBeGreaterThan(50)
})

test.each(DEMANDING)('%s with nothing names all that it requires', async (id, command) => {
  const words = id.split(':')
  const { code, stdout } = await runBrine([...words, '--json'])
  const { error } = JSON.parse(stdout) as Refusal
  expect([code, error.kind]).toEqual([2, 'usage'])
  const names = requirementsOf(command)
  for (const name of names) expect(error.message).toMatch(new RegExp(`(?<![\\w-])${name}(?![\\w-])`))
  expect(error.message.includes('--data-dir')).toBe(command.opensDataDir !== false)
  expect(error.details?.missing.length).toBeGreaterThan(0)
  expect(error.hint).toContain(['brine', ...words].join(' '))
})

async function refusal(words: readonly string[], dataDir?: string): Promise<Refusal['error']> {
  const { code, stdout } = await runBrine([...words, '--json'], dataDir === undefined ? {} : { dataDir })
  expect(code).toBe(2)
  return (JSON.parse(stdout) as Refusal).error
}

const AT = '/nonexistent'

test.each([
  [
    'child add acme',
    'argument-missing',
    'missing argument: CHILD\n  missing --resources\n  --local or --request is required',
    'for a CA of this data directory: brine child add acme CHILD --resources RESOURCES --local; ' +
      'for one elsewhere: brine child add acme CHILD --resources RESOURCES --request FILE --service-uri URI',
  ],
  [
    'child add acme --resources 10.0.0.0/8 --request c.xml --dry-run',
    'argument-missing',
    'missing argument: CHILD\n  --request needs --service-uri',
    'brine child add acme CHILD --resources 10.0.0.0/8 --request c.xml --dry-run --service-uri URI',
  ],
  [
    'repo configure acme --tls-insecure',
    'flag-invalid',
    '--tls-insecure needs --response',
    'brine repo configure acme --tls-insecure --response FILE',
  ],
  [
    'repo configure acme',
    'repo-where',
    '--local or --response is required',
    'for the publication server of this data directory: brine repo configure acme --local; ' +
      'for one elsewhere: brine repo configure acme --response FILE',
  ],
  [
    'ha drain --for 2h',
    'argument-missing',
    'missing argument: CA\n  --reason is required',
    'brine ha drain CA --for 2h --reason TEXT',
  ],
  ['ha drain a', 'ha-reason-missing', '--reason is required', 'brine ha drain a --reason TEXT'],
  [
    'parent refresh --accept-loss',
    'argument-missing',
    'missing argument: CA\n  --accept-loss needs --reason TEXT',
    'brine parent refresh CA --accept-loss --reason TEXT',
  ],
  [
    'roa add acme',
    'argument-missing',
    'no ROA given: name ROAs, or a file with --file',
    'brine roa add acme ROA; or: brine roa add acme --file FILE',
  ],
  ['est enroll', 'argument-missing', 'missing argument: LABEL\n  missing --csr', 'brine est enroll LABEL --csr FILE'],
])('brine %s', async (words, code, message, hint) => {
  expect(await refusal(words.split(' '), AT)).toMatchObject({ code, message, hint })
})

test('without a data directory the completed line has one; with --data-dir it is that one', async () => {
  const none = await refusal(['ca', 'show'])
  expect(none).toMatchObject({ hint: 'brine ca show CA --data-dir DIR', details: { missing: ['CA', '--data-dir'] } })
  const given = await refusal(['ca', 'show', '--data-dir', AT, '--config', 'a b'])
  expect(given.hint).toBe(`brine --data-dir ${AT} --config 'a b' ca show CA`)
})

test('a passphrase file in the environment is enough for a backup', async () => {
  const run = await runBrine(['backup', 'create', '--json'], { dataDir: AT, env: { BRINE_PASSPHRASE_FILE: '/p' } })
  expect((JSON.parse(run.stdout) as Refusal).error.message).toBe('missing argument: TARGET')
  expect((await refusal(['backup', 'create', 'b'], AT)).code).toBe('backup-not-sealed')
})

test('flags that exclude each other are named with what is missing', async () => {
  const error = await refusal(['child', 'add', 'a', 'b', '--local', '--request', 'c'], AT)
  expect(error.message).toBe(
    'missing --resources\n  --request needs --service-uri\n  --request and --local cannot be combined',
  )
  expect(error.hint).toBe('see: brine child add --help')
})
