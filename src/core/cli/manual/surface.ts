/** The command surface as lines. Scripts rely on each line of test/golden/commands.txt: lines may be added, not removed. */
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

/** Returns every command with its arguments and flags; global flags once, under `*`. Ends with a line break. */
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

/** Returns the lines of `before` that `after` lacks. */
export function missingLines(before: string, after: string): readonly string[] {
  const kept = new Set(after.split('\n'))
  return before.split('\n').filter((line) => !kept.has(line))
}
