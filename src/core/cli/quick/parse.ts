/**
 * Parser of command lines that are valid beyond doubt, with the results of oclif's. It reports no error: for any other line it returns
 * undefined, and oclif parses it and says what is wrong.
 */
import type { Definition } from './definitions.js'

/** Arguments and flags of a command. */
export interface Shape {
  readonly args?: Readonly<Record<string, Definition>>
  readonly flags?: Readonly<Record<string, Definition>>
  readonly baseFlags?: Readonly<Record<string, Definition>>
  readonly enableJsonFlag?: boolean
}

type Token =
  | { readonly type: 'arg'; readonly arg: string | undefined; readonly input: string }
  | { readonly type: 'flag'; readonly flag: string; readonly input: string }

/** A command line as oclif returns it. */
export interface Line {
  readonly args: Readonly<Record<string, unknown>>
  readonly argv: readonly unknown[]
  readonly flags: Readonly<Record<string, unknown>>
  readonly metadata: { readonly flags: Readonly<Record<string, { readonly setFromDefault: true }>> }
  readonly nonExistentFlags: readonly string[]
  readonly raw: readonly Token[]
}

type Flags = Readonly<Record<string, Definition>>

/** Members of a definition that this parser applies, or that change nothing for it. With any other, oclif parses. */
const UNDERSTOOD = new Set([
  ...['name', 'type', 'parse', 'required', 'multiple', 'options', 'default', 'env', 'char', 'exclusive', 'dependsOn'],
  ...['description', 'helpGroup', 'helpValue', 'input', 'min', 'max', 'ignoreStdin', 'multipleNonGreedy'],
])

/** Returns the command line; undefined if it is not valid, or means something else than its plain words say. */
export async function parseLine(shape: Shape, argv: readonly string[]): Promise<Line | undefined> {
  const args = shape.args ?? {}
  // oclif puts its own --json first, and the one of the command in its place
  const first = shape.enableJsonFlag === true ? { json: undefined } : {}
  const flags = { ...first, ...shape.baseFlags, ...shape.flags } as Flags
  const definitions = [...Object.entries(args), ...Object.entries(flags)]
  if (!definitions.every(([, one]) => isUnderstood(one)) || argv.some((word) => word.trim() === '')) return undefined
  for (const [name, definition] of definitions) definition.name = name
  const raw = tokens(Object.keys(args), flags, argv)
  if (raw === undefined) return undefined
  try {
    const [positional, given] = await Promise.all([argValues(args, raw), flagValues(flags, raw)])
    if (positional === undefined || !isConsistent(flags, given)) return undefined
    const order = positional.argv.sort((a, b) => argv.indexOf(a as string) - argv.indexOf(b as string))
    const { values, metadata } = given
    return {
      args: positional.args,
      argv: order,
      flags: values,
      metadata: { flags: metadata },
      nonExistentFlags: [],
      raw,
    }
  } catch {
    // a value that its parser refuses
    return undefined
  }
}

function isUnderstood(definition: Definition | undefined): boolean {
  return (
    definition !== undefined &&
    Object.entries(definition).every(([name, value]) => UNDERSTOOD.has(name) || value === false) &&
    typeof definition.default !== 'function' &&
    !(definition.env !== undefined && (definition.type === 'boolean' || definition.multiple === true))
  )
}

/** Returns the words as flags and arguments; undefined for unknown flags, missing values, and values that look like flags. */
function tokens(args: readonly string[], flags: Flags, argv: readonly string[]): readonly Token[] | undefined {
  const raw: Token[] = []
  const rest = [...argv]
  let [count, isAfterFlags] = [0, false]
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (isAfterFlags || !word.startsWith('-') || word === '-') {
      raw.push({ arg: args[count], input: word, type: 'arg' })
      count += 1
    } else if (word === '--') isAfterFlags = true
    else {
      const token = flagToken(flags, word, rest)
      if (token === undefined) return undefined
      if (flags[token.flag]?.multiple !== true && isRepeatedOption(flags, raw, token.flag)) return undefined
      raw.push(token)
    }
  }
  return raw
}

function isRepeatedOption(flags: Flags, raw: readonly Token[], name: string): boolean {
  return flags[name]?.type === 'option' && raw.some((token) => token.type === 'flag' && token.flag === name)
}

/** Returns the flag that a word names, with its value, which it takes from the words that follow. */
function flagToken(flags: Flags, word: string, rest: string[]): Extract<Token, { type: 'flag' }> | undefined {
  const equals = word.indexOf('=')
  const written = equals < 0 ? word : word.slice(0, equals)
  const flag = written.startsWith('--')
    ? written.slice(2)
    : Object.keys(flags).find((name) => flags[name]?.char !== undefined && written === `-${flags[name].char}`)
  const definition = flag === undefined || !Object.hasOwn(flags, flag) ? undefined : flags[flag]
  if (flag === undefined || definition === undefined) return undefined
  if (definition.type === 'boolean') return equals < 0 ? { flag, input: word, type: 'flag' } : undefined
  const input = equals < 0 ? rest.shift() : word.slice(equals + 1)
  if (input === undefined || input.trim() === '' || (input.startsWith('-') && input !== '-')) return undefined
  return { flag, input, type: 'flag' }
}

type Values = Record<string, unknown>

/** Returns the values of the arguments; undefined if one is missing or there are too many. */
async function argValues(args: Flags, raw: readonly Token[]) {
  const inputs = raw.flatMap((token) => (token.type === 'arg' ? [token.input] : []))
  const names = Object.keys(args)
  const open = names.findIndex((name) => args[name]?.multiple === true)
  const values: Values = {}
  const argv: unknown[] = []
  if (open < 0 ? inputs.length > names.length : open !== names.length - 1) return undefined
  for (const [n, name] of names.entries()) {
    const definition = args[name] as Definition
    const own = n === open ? inputs.slice(n) : inputs.slice(n, n + 1)
    if (own.length === 0 && definition.required === true) return undefined
    if (definition.default !== undefined || definition.options !== undefined) return undefined
    const parsed: unknown[] = []
    for (const input of own) parsed.push(await parsedValue(definition, input))
    if (parsed.length > 0) values[name] = n === open ? parsed : parsed[0]
    argv.push(...parsed)
  }
  return { args: values, argv }
}

interface Given {
  readonly values: Values
  readonly metadata: Record<string, { readonly setFromDefault: true }>
}

async function flagValues(flags: Flags, raw: readonly Token[]): Promise<Given> {
  const [values, metadata]: [Values, Given['metadata']] = [{}, {}]
  for (const [name, definition] of Object.entries(flags)) {
    const own = raw.filter((token) => token.type === 'flag' && token.flag === name)
    const { type, env, default: value, multiple } = definition
    if (own.length === 0 && type === 'option' && env === undefined && value === undefined) continue
    const fromEnvironment = env === undefined ? undefined : process.env[env]
    if (own.length === 0 && !fromEnvironment) metadata[name] = { setFromDefault: true }
    const result =
      own.length > 0 ? await given(definition, own, multiple === true) : await inPlace(definition, fromEnvironment)
    if (result !== undefined) values[name] = result
  }
  return { values, metadata }
}

async function given(definition: Definition, own: readonly Token[], multiple: boolean): Promise<unknown> {
  if (definition.type === 'boolean') return parsedValue(definition, true)
  const results = await Promise.all(own.map(({ input }) => parsedValue(definition, input)))
  return multiple ? results : results[0]
}

/** Returns the value of a flag that is not on the command line. */
async function inPlace(definition: Definition, fromEnvironment: string | undefined): Promise<unknown> {
  return fromEnvironment ? parsedValue(definition, fromEnvironment) : definition.default
}

/** Returns a value as its definition parses it. Throws if it is not one of the options, and what the parser throws. */
function parsedValue(definition: Definition, input: string | true): Promise<unknown> {
  if (definition.options?.includes(String(input)) === false) throw new RangeError(`not an option: ${input}`)
  return definition.parse(input as never, {}, definition as never)
}

/** Returns true if no required flag is missing and none contradicts another. */
function isConsistent(flags: Flags, { values, metadata }: Given): boolean {
  const isDefault = (name: string): boolean => Object.hasOwn(metadata, name)
  return Object.entries(flags).every(([name, { required, dependsOn = [], exclusive = [] }]) => {
    if (values[name] === undefined) return required !== true
    if (dependsOn.some((other) => values[other] === undefined)) return false
    return isDefault(name) || !exclusive.some((other) => values[other] !== undefined && !isDefault(other))
  })
}
