/** Unknown commands: the word that is wrong, the command that is likely meant, and the help that lists its neighbours. Pure. */
import { AppError } from '../base/errors.js'
import { isSlip, nearest } from '../base/nearest.js'

/** Words of other programs, and the verbs that they may mean here, the first one that exists. */
const SYNONYMS: ReadonlyMap<string, readonly string[]> = new Map([
  ...words(['ls', 'all'], 'list', 'show', 'status'),
  ...words(['list'], 'list', 'show', 'status'),
  ...words(['create', 'new', 'make', 'register'], 'create', 'add', 'init'),
  ...words(['add', 'insert', 'import'], 'add', 'create', 'configure', 'update'),
  ...words(['delete', 'rm', 'del', 'remove', 'destroy', 'drop', 'withdraw'], 'remove', 'revoke', 'prune', 'clear'),
  ...words(['get', 'info', 'view', 'describe', 'cat', 'print', 'show'], 'show', 'list', 'status'),
  ...words(['set', 'edit', 'modify', 'change', 'replace'], 'update', 'configure'),
  ...words(['setup', 'init', 'bootstrap'], 'init', 'configure', 'add'),
  ...words(['validate', 'test', 'verify', 'check', 'lint'], 'check', 'verify', 'probe', 'inspect'),
  ...words(['enrol', 'issue', 'request'], 'enroll', 'request'),
])

/** Verbs that take something away. They are suggested for a synonym or a slip of the finger, and never for a word that only resembles them. */
const DESTRUCTIVE = [
  'remove',
  'revoke',
  'prune',
  'clear',
  'purge',
  'clean',
  'close',
  'reset',
  'session-reset',
  'demote',
  'drain',
]

/** Words that people type first, and the commands that do what they are likely meant for, the likeliest first. */
const HABITS: ReadonlyMap<string, readonly string[]> = new Map([
  ...words(['ls', 'list'], 'ca list', 'roa list'),
  ...words(['create', 'new', 'start'], 'setup', 'ca add', 'roa add'),
  ...words(['add'], 'ca add', 'roa add'),
  ...words(['rm', 'delete', 'remove'], 'ca remove', 'roa remove'),
  ...words(['edit', 'set'], 'roa replace', 'roa update'),
  ...words(['import', 'load'], 'roa replace', 'roa add'),
  ...words(['log', 'events'], 'history list'),
  ...words(['diff'], 'audit diff', 'history list'),
  ...words(['fsck', 'check', 'verify'], 'audit verify', 'config check'),
  ...words(['nagios', 'metrics', 'monitor', 'health'], 'status', 'doctor'),
  ...words(['diagnose', 'diagnostics'], 'doctor'),
  ...words(['dashboard', 'html', 'overview'], 'report'),
  ...words(['cron', 'alerts', 'nginx', 'systemd'], 'contrib'),
  ...words(['repair', 'fix'], 'recover'),
  ...words(['undo', 'rollback'], 'history list'),
  ...words(['move', 'migrate'], 'restore', 'demote'),
  ...words(['revoke'], 'est cert revoke', 'roa remove'),
  ...words(['sign', 'publish', 'renew', 'refresh'], 'republish'),
])

/** Verbs that a topic does not have, and the command of another topic that does it; `*` is any topic. */
const ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ...['diff', 'changes', 'compare'].flatMap((verb): [string, string][] => [
    [`history ${verb}`, 'audit diff'],
    [`* ${verb}`, 'audit diff'],
  ]),
  ...['state', 'at'].map((verb): [string, string] => [`history ${verb}`, 'audit show']),
  ...['log', 'history', 'events'].map((verb): [string, string] => [`* ${verb}`, 'history list']),
  ['audit list', 'history list'],
  ['history verify', 'audit verify'],
])

function words(given: readonly string[], ...verbs: readonly string[]): readonly [string, readonly string[]][] {
  return given.map((word) => [word, verbs])
}

/**
 * Returns the error for words that begin with no command. `commands` are the commands with spaces between their words. Arguments that follow
 * the command do not matter: `ca shwo acme` is taken for `ca show`.
 */
export function unknownCommand(given: readonly string[], commands: readonly string[], bin: string): AppError {
  const habit = elsewhere(given, commands, bin) ?? habitual(given, commands, bin)
  if (habit !== undefined) return habit
  const known = commands.map((command) => command.split(' '))
  const { found, wrong } = follow(given, known)
  const swapped = given.length > 1 ? follow([given[1] ?? '', given[0] ?? ''], known).found : []
  const isCommand = (path: readonly string[]): boolean => commands.includes(path.join(' '))
  const isTopic = found.length === given.length && wrong < given.length
  const meant = [found, swapped].find(isCommand) ?? (isTopic ? found : overview(found, given, commands))
  const topic = meant === undefined || !isCommand(meant) ? found : meant.slice(0, -1)
  const text = given.slice(0, Math.max(1, wrong + 1)).join(' ')
  const message = `unknown command ${text}${meant === undefined ? '' : `, did you mean ${meant.join(' ')}?`}`
  return new AppError('usage', 'command-unknown', message, {
    hint: `see: ${[bin, ...(topic.length === 0 ? (meant ?? []) : topic), '--help'].join(' ')}`,
  })
}

/** Verbs that show what a topic has, for a name that follows a topic without other verbs (`history acme`). */
const OVERVIEWS = ['list', 'show', 'status']

function overview(
  found: readonly string[],
  given: readonly string[],
  commands: readonly string[],
): readonly string[] | undefined {
  if (found.length === 0 || found.length === given.length) return undefined
  const below = commands.filter((command) => command.startsWith(`${found.join(' ')} `))
  const verbs = below.map((command) => command.split(' ').at(-1) ?? '')
  if (!verbs.every((verb) => OVERVIEWS.includes(verb))) return undefined
  return OVERVIEWS.map((verb) => [...found, verb]).find((path) => commands.includes(path.join(' ')))
}

/** Returns the error for a topic with the verb of another one. */
function elsewhere(
  [topic = '', verb = '']: readonly string[],
  commands: readonly string[],
  bin: string,
): AppError | undefined {
  const meant = ELSEWHERE.get(`${topic} ${verb}`) ?? ELSEWHERE.get(`* ${verb}`)
  if (meant === undefined || !commands.includes(meant)) return undefined
  if (!commands.some((command) => command.startsWith(`${topic} `))) return undefined
  return new AppError('usage', 'command-unknown', `unknown command ${topic} ${verb}, did you mean ${meant}?`, {
    hint: `see: ${bin} ${meant} --help`,
  })
}

/** Returns the error for a first word of habit, unless the word after it says what it is about (`list ca`). */
function habitual(
  [first = '', second]: readonly string[],
  commands: readonly string[],
  bin: string,
): AppError | undefined {
  const meant = (HABITS.get(first) ?? []).filter((command) => commands.includes(command))
  const isTopic = commands.some((command) => command.startsWith(`${first} `) || command.startsWith(`${second ?? ''} `))
  if (meant.length === 0 || isTopic) return undefined
  return new AppError('usage', 'command-unknown', `unknown command ${first}, did you mean ${meant.join(' or ')}?`, {
    hint: `see: ${bin} ${meant[0]} --help`,
  })
}

/** Follows the words down the commands. Returns the path as it is likely meant, and the index of the first word that is not in place. */
function follow(given: readonly string[], commands: readonly (readonly string[])[]) {
  const found: string[] = []
  let wrong = -1
  for (const [depth, word] of given.entries()) {
    const below = commands.filter((command) => command.length > depth && found.every((w, i) => command[i] === w))
    const next = [...new Set(below.flatMap((command) => command[depth] ?? []))]
    if (next.length === 0) break
    const meant = likely(word, next, depth)
    if (meant !== word && wrong < 0) wrong = depth
    if (meant === undefined) break
    found.push(meant)
  }
  return { found, wrong: wrong < 0 ? found.length : wrong }
}

function likely(word: string, known: readonly string[], depth: number): string | undefined {
  if (known.includes(word)) return word
  const verb = depth === 0 ? undefined : SYNONYMS.get(word)?.find((synonym) => known.includes(synonym))
  return (
    verb ??
    nearest(
      word,
      known.filter((candidate) => !DESTRUCTIVE.includes(candidate) || isSlip(word, candidate)),
    )
  )
}
