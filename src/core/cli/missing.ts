/**
 * All that a command line lacks, as one usage error with the completed command line: required arguments and flags, flags that others
 * depend on, and the conditions that a command declares as `needs`. Pure.
 */
import { AppError } from '../base/errors.js'
import { shellWord } from '../base/shell-word.js'

/** A condition beyond `required` and `dependsOn`: one of several flags or arguments, or a global flag. */
export interface Need {
  /** Code of the error if nothing else is missing. */
  readonly code: string
  /** Names of flags and arguments of which one has to be given, each with its case, such as `for one elsewhere`, or ''. */
  readonly oneOf: Readonly<Record<string, string>>
  /** Needed only with this flag. */
  readonly with?: string
  /** Variable of the environment that takes the place of the flags. */
  readonly environment?: string
  /** Message in place of `--a or --b is required`. */
  readonly message?: string
}

interface ArgumentShape {
  readonly required?: boolean
}

interface FlagShape extends ArgumentShape {
  readonly type?: string
  readonly helpValue?: string | readonly string[]
  readonly options?: readonly string[]
  readonly dependsOn?: readonly unknown[]
}

/** A command line as oclif has read it. */
export interface CommandLine {
  /** The words of the command, such as `brine roa add`. */
  readonly command: string
  readonly needs: readonly Need[]
  /** True if the command opens the data directory. */
  readonly opensDataDir: boolean
  readonly definition: {
    readonly args: Readonly<Record<string, ArgumentShape>>
    readonly flags: Readonly<Record<string, FlagShape>>
  }
  readonly given: {
    readonly args: Readonly<Record<string, unknown>>
    readonly flags: Readonly<Record<string, unknown>>
    readonly raw: readonly { readonly type: string; readonly flag?: string; readonly input: string }[]
  }
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Alternatives of one condition that the hint writes out. */
const SHOWN = 3

/**
 * Returns the error that names everything that is missing; undefined if nothing is. `others` are the violations of the same line that no
 * addition repairs, such as flags that exclude each other. A missing data directory alone is none: `context` reports it.
 */
export function missingError(line: CommandLine, others: readonly string[] = []): AppError | undefined {
  const args = Object.keys(line.definition.args).filter((name) => isMissingArgument(line, name))
  const flags = missingFlags(line)
  const needs = openNeeds(line, new Set(flags.map(({ name }) => name)))
  const code = args.length > 0 ? 'argument-missing' : flags.length > 0 ? 'flag-invalid' : needs[0]?.code
  if (code === undefined) return undefined
  const withoutDir = isWithoutDir(line)
  const required = flags.filter((flag) => flag.of === undefined).map((flag) => `--${flag.name}`)
  const message = [
    ...(args.length === 0 ? [] : [`missing argument: ${args.map((name) => name.toUpperCase()).join(', ')}`]),
    ...(required.length === 0 ? [] : [`missing ${listed(required, 'and')}`]),
    ...flags.flatMap(({ name, of }) => (of === undefined ? [] : [`--${of} needs --${name}`])),
    ...needs.map((need) => need.message ?? `${listed(Object.keys(need.oneOf).map(shown(line)), 'or')} is required`),
    ...(withoutDir ? ['no data directory given (--data-dir DIR or BRINE_DATA_DIR)'] : []),
    ...others,
  ].join('\n')
  const missing = [
    ...args.map((name) => name.toUpperCase()),
    ...flags.map((flag) => `--${flag.name}`),
    ...needs.map((need) => Object.keys(need.oneOf).map(shown(line)).join(' or ')),
    ...(withoutDir ? ['--data-dir'] : []),
  ]
  const added = { args, flags: [...new Set(flags.map(({ name }) => name))] }
  const hint = others.length > 0 ? `see: ${line.command} --help` : completions(line, added, needs)
  return new AppError('usage', code, message, { hint, details: { missing } })
}

function isWithoutDir({ opensDataDir, given }: CommandLine): boolean {
  return opensDataDir && given.flags['data-dir'] === undefined
}

function isMissingArgument({ definition, given }: CommandLine, name: string): boolean {
  return definition.args[name]?.required === true && given.args[name] === undefined
}

/** Returns the flags that are required but not given; `of` is the flag that needs it. */
function missingFlags({ definition, given }: CommandLine): readonly { readonly name: string; readonly of?: string }[] {
  return Object.entries(definition.flags).flatMap(([name, flag]) => {
    if (given.flags[name] === undefined) return flag.required === true ? [{ name }] : []
    return dependencies(flag)
      .filter((other) => given.flags[other] === undefined)
      .map((other) => ({ name: other, of: name }))
  })
}

function dependencies({ dependsOn = [] }: FlagShape): readonly string[] {
  return dependsOn.filter((name) => typeof name === 'string')
}

/** Returns the conditions that are not met, without those that an addition of `added` meets. */
function openNeeds({ needs, given, env }: CommandLine, added: ReadonlySet<string>): readonly Need[] {
  const isGiven = (name: string): boolean => hasValue(given.flags[name]) || hasValue(given.args[name])
  return needs.filter((need) => {
    if (need.with !== undefined && !isGiven(need.with)) return false
    if (need.environment !== undefined && (env[need.environment] ?? '') !== '') return false
    return !Object.keys(need.oneOf).some((name) => added.has(name) || isGiven(name))
  })
}

function hasValue(value: unknown): boolean {
  return value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0)
}

interface Added {
  readonly args: readonly string[]
  readonly flags: readonly string[]
}

/** Returns the completed command line, or one for each alternative of the first open condition. */
function completions(line: CommandLine, added: Added, [first, ...rest]: readonly Need[]): string {
  const others = rest.reduce((sum, need) => withName(line, sum, Object.keys(need.oneOf)[0] ?? ''), added)
  if (first === undefined) return completed(line, others)
  return Object.entries(first.oneOf)
    .slice(0, SHOWN)
    .map(([name, when]) => `${when === '' ? '' : `${when}: `}${completed(line, withName(line, others, name))}`)
    .join(Object.values(first.oneOf).some((when) => when !== '') ? '; ' : '; or: ')
}

function withName({ definition, given }: CommandLine, { args, flags }: Added, name: string): Added {
  if (name in definition.args) return { args: [...args, name], flags }
  const more = [name, ...dependencies(definition.flags[name] ?? {})].filter(
    (other) => !(flags.includes(other) || hasValue(given.flags[other])),
  )
  return { args, flags: [...flags, ...more] }
}

/** Returns the command line as it was given, without the flags that the caller adds to every printed command, and with what is added. */
function completed(line: CommandLine, added: Added): string {
  const { command, definition, given } = line
  const tokens = given.raw.filter(({ flag }) => !['data-dir', 'config', 'json', 'quiet'].includes(flag ?? ''))
  const words = [
    ...tokens.filter(({ type }) => type === 'arg').map(({ input }) => shellWord(input)),
    ...added.args.map((name) => name.toUpperCase()),
    ...tokens.flatMap(({ flag, input }) => (flag === undefined ? [] : flagWords(flag, definition.flags[flag], input))),
    ...added.flags.flatMap((name) => flagWords(name, definition.flags[name])),
    ...(isWithoutDir(line) ? ['--data-dir', 'DIR'] : []),
  ]
  return [command, ...words].join(' ')
}

/** Returns a flag with its value, or with the placeholder of its help. */
function flagWords(name: string, flag: FlagShape | undefined, input?: string): readonly string[] {
  if (flag?.type === 'boolean') return [`--${name}`]
  const placeholder = flag?.options?.join('|') ?? [flag?.helpValue ?? 'VALUE'].flat()[0] ?? 'VALUE'
  return [`--${name}`, input === undefined ? placeholder : shellWord(input)]
}

function shown({ definition }: CommandLine): (name: string) => string {
  return (name) => (name in definition.args ? name.toUpperCase() : `--${name}`)
}

function listed(names: readonly string[], word: 'and' | 'or'): string {
  return names.length < 3 ? names.join(` ${word} `) : `${names.slice(0, -1).join(', ')} ${word} ${names.at(-1) ?? ''}`
}
