/** Commands in messages as they can be pasted: with `--data-dir` and `--config` as the command line gave them. Pure. */
import { shellWord } from '../../base/shell-word.js'

/** Flags of the command line that the next command needs too. */
const KEPT = ['--data-dir', '--config'] as const

/** Returns the text with the kept flags added to each command of the program. Help needs none, and a command that has one keeps its own. */
export type Paste = (text: string) => string

/** Returns the function for a command line; `topics` are the first words of all commands, so that "brine as root" is left alone. */
export function pasteWith(argv: readonly string[], topics: ReadonlySet<string>): Paste {
  const given = KEPT.flatMap((flag) => {
    const value = givenValue(flag, argv)
    return value === undefined ? [] : [`${flag} ${shellWord(value)} `]
  }).join('')
  if (given === '') return (text) => text
  return (text) =>
    text.replace(
      /(?<!man )(?<![\w/.-])brine (?=([a-z-]+)((?:(?!\bbrine )[^\n;,])*))/g,
      (start: string, topic: string, rest: string) =>
        topics.has(topic) && !/--(?:data-dir|help)\b/.test(rest) ? `${start}${given}` : start,
    )
}

/** Returns the value of a flag on the command line; undefined if it is not there. */
function givenValue(flag: string, argv: readonly string[]): string | undefined {
  const flags = argv.slice(0, argv.includes('--') ? argv.indexOf('--') : argv.length)
  const assigned = flags.find((word) => word.startsWith(`${flag}=`))
  if (assigned !== undefined) return assigned.slice(flag.length + 1)
  const at = flags.indexOf(flag)
  return at < 0 ? undefined : flags[at + 1]
}
