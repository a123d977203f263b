/** Every command that changes something is in a sweep of failing file operations, or is named here with the reason. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const SWEEPS = 'test/crash'

/** Commands by the test file whose sweep runs their use case; `command: subject` where the subject has another name. */
const SWEPT: Readonly<Record<string, readonly string[]>> = {
  'sweep.test.ts': [
    ...[
      'apply',
      'audit key init',
      'ca add',
      'ca remove',
      'child update',
      'keyroll activate',
      'keyroll init',
      'recover',
    ],
    ...['aspa update', 'repo sync', 'republish', 'roa add', 'roa update', 'router add', 'tick: keyroll by republish'],
  ],
  'sweep-places.test.ts': ['demote', 'init', 'promote', 'restore', 'testbed init'],
  'sweep-enrolment.test.ts': ['est enroll', 'est otp create', 'ha drain'],
  'sweep-exchange.test.ts': ['parent refresh: parent refresh, first certificate', 'cgi: answer to'],
  'sweep-publisher.test.ts': ['answer rfc8181: rfc8181 delta'],
  'sweep-peers.test.ts': [
    ...['ca id add', 'ca id retire', 'ca id use', 'child add: child add --request', 'child remove', 'child suspend'],
    ...['child unsuspend', 'keyroll cancel: keyroll cancel at a parent elsewhere', 'parent add: parent add --response'],
    ...[
      'parent remove',
      'pubserver clear',
      'pubserver id add',
      'pubserver publisher add',
      'pubserver publisher remove',
    ],
    ...['pubserver publisher update', 'pubserver purge', 'repo configure: repo configure --response'],
  ],
  'sweep-migration.test.ts': ['ca id renew', 'pubserver id renew', 'repo migrate: repo migrate --cancel'],
  'archive.test.ts': ['archive'],
  'backup.test.ts': ['backup create'],
  'upgrade.test.ts': ['upgrade'],
}

const ONE_COMMIT = 'one commit by `transact`, as the swept commands beside it'

/** Commands that change something and are in no sweep. */
const NOT_SWEPT: Readonly<Record<string, string>> = {
  'answer rfc6492': 'the use case that cgi calls, which is swept',
  'aspa add': 'the use case of aspa update, which is swept',
  'aspa remove': 'the use case of aspa update, which is swept',
  'router remove': 'the use case of router add, which is swept',
  'router roll': 'the use case of router add, which is swept',
  'backup prune': 'removes whole files, each on its own',
  clean: 'removes files that nothing references, each on its own',
  'clock reset': ONE_COMMIT,
  'est cert revoke': 'one commit and a CRL file that the next command writes again',
  'est close': ONE_COMMIT,
  'est crl': 'a number by one commit, and a CRL file that the next run writes again',
  'est otp revoke': ONE_COMMIT,
  'est renew': 'the use case of est enroll, which is swept',
  'ha probe': 'records samples that are replaceable',
  'ha resume': 'the opposite of ha drain, which is swept: one commit',
  'pubserver id retire': 'the command of ca id retire on another aggregate',
  'pubserver id use': 'the command of ca id use on another aggregate',
  'pubserver init': 'part of testbed init, which is swept',
  'pubserver push': 'writes to other servers, in two phases that a repetition goes on with',
  'pubserver session-reset': ONE_COMMIT,
  'pubserver write': 'publishes what a commit holds: publication.test.ts fails it',
  'roa remove': 'the use case of roa update, which is swept',
  'roa replace': 'the use case of roa update, which is swept',
  setup: 'writes files of the system outside of the data directory, and repeats',
  'ta init': 'part of testbed init, which is swept',
  'tls renew': 'test/unit/store/disk/tls-files fails its file operations',
}

/** Commands that change nothing but replaceable files, or only the file that the user names. */
const READING = new Set([
  ...[
    'aspa list',
    'router list',
    'audit checkpoint',
    'audit diff',
    'audit digest',
    'audit export',
    'audit show',
    'audit verify',
    'backup list',
  ],
  ...['backup verify', 'ca id show', 'ca list', 'ca show', 'child list', 'child response', 'child show', 'clock show'],
  ...['completion', 'config check', 'config show', 'contrib', 'est cacerts', 'est cert list', 'est cert show'],
  ...[
    'est csrattrs',
    'est otp list',
    'est status',
    'export',
    'plan',
    'ha simulate',
    'ha status',
    'history list',
    'history show',
  ],
  ...['inspect', 'keyroll status', 'parent list', 'parent request', 'parent show', 'pubserver id show'],
  ...['pubserver probe', 'pubserver publisher list', 'pubserver publisher response', 'pubserver publisher show'],
  ...[
    'pubserver show',
    'pubserver stats',
    'repo request',
    'repo show',
    'repo status',
    'roa analyze',
    'roa list',
    'roa suggest',
  ],
  ...['doctor', 'report', 'status', 'ta show', 'ta tal', 'tls show', 'why'],
])

const commands = readdirSync('src/commands', { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => path.replace(/\.ts$/, '').replaceAll('/', ' '))

const swept = Object.entries(SWEPT).flatMap(([file, names]) =>
  names.map((name) => {
    const [command = '', subject = command] = name.split(': ')
    return { file, command, subject }
  }),
)

it('every command is swept, or named with its reason', () => {
  const named = [...swept.map(({ command }) => command), ...Object.keys(NOT_SWEPT), ...READING]
  expect(named.sort()).toEqual(commands.sort())
})

it('the sweeps have what is said of them', () => {
  const missing = swept.filter(({ file, subject }) => !readFileSync(join(SWEEPS, file), 'utf8').includes(subject))
  expect(missing).toEqual([])
})

it('a command that shows a dry run is not taken for a reading one', () => {
  const writing = [...READING].filter((name) => {
    const text = readFileSync(`src/commands/${name.replaceAll(' ', '/')}.ts`, 'utf8')
    return /changeFlags|writeFlags|dryRun/.test(text)
  })
  expect(writing).toEqual([])
})
