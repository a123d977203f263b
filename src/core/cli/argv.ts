/**
 * Normalises the command line before oclif parses it: oclif accepts global flags only after the command words, users may put them first, and
 * they ask for help and version in more ways.
 */

const WITH_VALUE: ReadonlySet<string> = new Set(['--data-dir', '--config', '--actor', '--reason', '--lock-timeout'])
const WITHOUT_VALUE: ReadonlySet<string> = new Set(['--json', '--quiet'])

/** Returns the number of arguments that the global flag at `index` occupies, 0 for any other word. */
function globalAt(argv: readonly string[], index: number): number {
  const word = argv[index] ?? ''
  if (WITHOUT_VALUE.has(word)) return 1
  if (WITH_VALUE.has(word)) return argv.length > index + 1 ? 2 : 1
  const equals = word.indexOf('=')
  return equals > 0 && WITH_VALUE.has(word.slice(0, equals)) ? 1 : 0
}

/**
 * Moves leading global flags behind the command words, and turns `help WORDS`, `WORDS help` and `-h` into `WORDS --help`, `version` and `-V`
 * into `--version`. The flags go in front of `--`, which ends the flags, and in front of the command's own arguments, so that a flag with
 * several values cannot take them.
 */
export function normalizeArgv(argv: readonly string[], isCommand: (id: string) => boolean): string[] {
  let end = 0
  for (let size = globalAt(argv, 0); size > 0; size = globalAt(argv, end)) end += size
  const globals = argv.slice(0, end)
  const rest = longFlags(argv.slice(end))
  const [first = ''] = rest
  if (['version', '-V', '-v'].includes(first) && !isCommand(first)) return ['--version']
  if (first === 'help' && !isCommand('help')) return [...rest.slice(1), ...globals, '--help']
  const words = commandWords(rest, isCommand)
  if (rest[words - 1] === 'help' && !isCommand(rest.slice(0, words).join(':')))
    return [...rest.slice(0, words - 1), ...globals, '--help']
  return [...rest.slice(0, words), ...globals, ...rest.slice(words)]
}

/** Replaces `-h` by `--help`, unless it is the value of a flag or follows `--`. */
function longFlags(rest: readonly string[]): readonly string[] {
  const end = rest.includes('--') ? rest.indexOf('--') : rest.length
  const isValue = (index: number): boolean => WITH_VALUE.has(rest[index - 1] ?? '')
  return rest.map((word, index) => (word === '-h' && index < end && !isValue(index) ? '--help' : word))
}

/** Joins the words of a command with colons, so that oclif does not take the arguments after them for further words. */
export function joinCommand(words: readonly string[], isCommand: (id: string) => boolean): string[] {
  const count = commandWords(words, isCommand)
  const id = words.slice(0, count).join(':')
  return isCommand(id) ? [id, ...words.slice(count)] : [...words]
}

/** Returns the number of leading words that name a command (the longest match), or of all words up to the first flag if none match. */
function commandWords(rest: readonly string[], isCommand: (id: string) => boolean): number {
  const flag = rest.findIndex((word) => word.startsWith('-'))
  const most = flag === -1 ? rest.length : flag
  for (let n = most; n > 0; n -= 1) if (isCommand(rest.slice(0, n).join(':'))) return n
  return most
}
