/** The command surface as lines, one promise a line: scripts rely on each, so lines are added and none goes (test/golden/commands.txt). */
import {
  argsOf,
  argText,
  commandWords,
  flagText,
  globalFlagsOf,
  type Manifest,
  ownFlags,
  visibleCommands,
} from './manifest.js'

/** Every command with its arguments and flags; global flags once, under `*`. Ends with a line break. */
export function commandSurface(manifest: Manifest): string {
  const must = (required: boolean | undefined): string => (required === true ? ' (required)' : '')
  const flagLines = (words: string, flags: ReturnType<typeof ownFlags>): readonly string[] =>
    flags.map(
      (flag) => `${words} ${flagText(flag)}${flag.multiple === true ? ' (repeatable)' : ''}${must(flag.required)}`,
    )
  const lines = visibleCommands(manifest).flatMap((command) => {
    const words = commandWords(command)
    const args = argsOf(command).map((arg, at) => `${words} ${at + 1}: ${argText(arg)}${must(arg.required)}`)
    return [words, ...args, ...flagLines(words, ownFlags(command))]
  })
  return `${[...flagLines('*', globalFlagsOf(manifest)), ...lines].join('\n')}\n`
}

/** Lines that `before` has and `after` has not. */
export function missingLines(before: string, after: string): readonly string[] {
  const kept = new Set(after.split('\n'))
  return before.split('\n').filter((line) => !kept.has(line))
}
