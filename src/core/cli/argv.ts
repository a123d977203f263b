/** The command line before oclif sees it: global flags may stand in front of the command words, and oclif knows them only behind. */

const WITH_VALUE: ReadonlySet<string> = new Set(['--data-dir', '--config', '--actor', '--reason', '--lock-timeout'])
const WITHOUT_VALUE: ReadonlySet<string> = new Set(['--json', '--quiet'])

/** How many arguments the leading global flag at `index` takes up; 0 when there is none. */
function globalAt(argv: readonly string[], index: number): number {
  const word = argv[index] ?? ''
  if (WITHOUT_VALUE.has(word)) return 1
  if (WITH_VALUE.has(word)) return argv.length > index + 1 ? 2 : 1
  const equals = word.indexOf('=')
  return equals > 0 && WITH_VALUE.has(word.slice(0, equals)) ? 1 : 0
}

/**
 * The same command line with leading global flags moved behind the command words, and `help WORDS` as `WORDS --help`.
 * They go in front of `--`, which ends the flags, and in front of everything else that the command takes, so that no flag
 * that takes many values swallows them.
 */
export function normalizeArgv(argv: readonly string[], isCommand: (id: string) => boolean): string[] {
  let end = 0
  for (let size = globalAt(argv, 0); size > 0; size = globalAt(argv, end)) end += size
  const globals = argv.slice(0, end)
  const rest = argv.slice(end)
  if (rest[0] === 'help' && !isCommand('help')) return [...rest.slice(1), ...globals, '--help']
  const words = commandWords(rest, isCommand)
  return [...rest.slice(0, words), ...globals, ...rest.slice(words)]
}

/** How many words at the front name the command: the longest that does, else the words up to the first flag. */
function commandWords(rest: readonly string[], isCommand: (id: string) => boolean): number {
  const flag = rest.findIndex((word) => word.startsWith('-'))
  const most = flag === -1 ? rest.length : flag
  for (let n = most; n > 0; n -= 1) if (isCommand(rest.slice(0, n).join(':'))) return n
  return most
}
