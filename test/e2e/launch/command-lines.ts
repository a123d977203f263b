/** Command lines of a command, made from its own definitions: valid ones in every spelling, and faults of every kind. */

export interface Definition {
  readonly name: string
  readonly type: string
  readonly required?: boolean
  readonly multiple?: boolean
  readonly char?: string
  readonly env?: string
  readonly options?: readonly string[]
  readonly dependsOn?: readonly string[]
  readonly exclusive?: readonly string[]
  readonly parse: (text: string, context: object, definition: object) => Promise<unknown>
}

export interface Shape {
  readonly args: readonly Definition[]
  readonly flags: readonly Definition[]
}

export interface CommandLine {
  readonly words: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** True if it is valid as far as its flags do not contradict each other, and spelled as the manual does. */
  readonly isPlain: boolean
}

/** One of these is valid for any argument or flag, and one of them is refused by any that refuses something. */
const VALUES = [
  'acme',
  '12',
  '90d',
  '64496',
  '192.0.2.0/24',
  '2026-11-21T23:20:00Z',
  '0123456789'.repeat(4),
  '99999999999999999',
  'a\u0007b',
]

async function isValid(definition: Definition, text: string): Promise<boolean> {
  if (definition.options?.includes(text) === false) return false
  return definition.parse(text, {}, definition).then(
    () => true,
    () => false,
  )
}

async function textFor(definition: Definition, wanted: boolean): Promise<string | undefined> {
  for (const text of [...(definition.options ?? []), ...VALUES])
    if ((await isValid(definition, text)) === wanted) return text
  return undefined
}

/** Words of a valid and of a refused value for each definition. */
interface Known extends Definition {
  readonly good: string
  readonly bad: string | undefined
}

const know = async (one: Definition): Promise<Known> => {
  const [good, bad] = await Promise.all([textFor(one, true), textFor(one, false)])
  if (one.type === 'option' && good === undefined) throw new Error(`no valid value for ${one.name}`)
  return { ...one, good: good ?? '', bad }
}

const spelled = (flag: Known): string[] =>
  flag.type === 'boolean' ? [`--${flag.name}`] : [`--${flag.name}`, flag.good]

/** Returns the command lines of the command `id`. */
export async function commandLines(id: string, shape: Shape): Promise<readonly CommandLine[]> {
  const args = await Promise.all(shape.args.map(know))
  const flags = await Promise.all(shape.flags.map(know))
  const named = (name: string): Known[] => flags.filter((flag) => flag.name === name)
  /** The flags that this one needs, and those that they need; two flags may need each other. */
  const needed = (flag: Known, met: readonly Known[] = [flag]): Known[] => {
    const next = (flag.dependsOn ?? []).flatMap(named).filter((one) => !met.includes(one))
    return next.flatMap((one) => [one, ...needed(one, [...met, ...next])])
  }
  const words = id.split(':')
  const positional = args.filter((one) => one.required === true).map((one) => one.good)
  const required = flags.filter((one) => one.required === true)
  const base = required.flatMap(spelled)
  const withNeeds = (flag: Known): string[] => {
    const others = new Set(needed(flag).filter((one) => !required.includes(one) && one.name !== flag.name))
    return [...base, ...[...others].flatMap(spelled)]
  }
  /** The base without a flag, to which another spelling of it is added. */
  const without = (flag: Known): string[] => required.filter((one) => one !== flag).flatMap(spelled)
  const lines: CommandLine[] = []
  const plain = (...line: readonly string[]): void => void lines.push({ words: line, env: {}, isPlain: true })
  const odd = (...line: readonly string[]): void => void lines.push({ words: line, env: {}, isPlain: false })

  const full = [...words, ...positional]
  plain(...full, ...base)
  plain(...words, ...base, ...positional)
  plain(words.join(':'), ...positional, ...base)
  plain('--json', '--data-dir', 'place', ...full, ...base)
  plain('--data-dir=place', ...full, ...base)
  plain(...words, ...base, ...(positional.length > 0 ? ['--', ...positional] : []))
  for (let n = 1; n <= args.length; n += 1) plain(...words, ...args.slice(0, n).map((one) => one.good), ...base)
  if (args.at(-1)?.multiple === true) plain(...words, ...args.map((one) => one.good), args.at(-1)?.good ?? '', ...base)
  for (const flag of flags) {
    const others = required.includes(flag) ? without(flag) : withNeeds(flag)
    const dashes = `--${flag.name}`
    plain(...full, ...others, ...spelled(flag))
    plain(...words, ...spelled(flag), ...others, ...positional)
    odd(...full, ...others, `--no-${flag.name}`)
    odd(...full, ...others, `${dashes}=`)
    odd(...full, ...others, dashes, '')
    odd(...full, ...others, dashes.slice(0, -1))
    odd(...full, ...others, dashes.toUpperCase())
    odd(...full, ...others, ...spelled(flag), '--', dashes)
    odd(...full, ...spelled(flag))
    for (const other of flag.exclusive ?? [])
      odd(...full, ...others, ...spelled(flag), ...named(other).flatMap(spelled))
    if (flag.type === 'boolean') {
      plain(...full, ...others, dashes, dashes)
      odd(...full, ...others, `${dashes}=true`)
      odd(...full, ...others, dashes, 'extra')
      continue
    }
    plain(...full, ...others, `${dashes}=${flag.good}`)
    ;(flag.multiple === true ? plain : odd)(...full, ...others, ...spelled(flag), ...spelled(flag))
    odd(...full, ...others, dashes)
    odd(...full, ...others, dashes, '--quiet')
    odd(...full, ...others, dashes, '-x')
    odd(...full, ...others, dashes, '--', flag.good)
    odd(...full, ...others, `${dashes}=-5`)
    odd(...full, ...others, dashes, '-')
    odd(...full, ...others, dashes, flag.good, 'extra')
    if (flag.bad !== undefined) odd(...full, ...others, dashes, flag.bad)
    if (flag.options !== undefined) odd(...full, ...others, dashes, 'neither')
    if (flag.char !== undefined) {
      plain(...full, ...others, `-${flag.char}`, flag.good)
      odd(...full, ...others, `-${flag.char}${flag.good}`)
      odd(...full, ...others, `-${flag.char}=${flag.good}`)
      odd(...full, ...others, `-${flag.char}x`, flag.good)
    }
    if (flag.env !== undefined)
      for (const value of [flag.good, flag.bad, ''])
        if (value !== undefined)
          lines.push({ words: [...full, ...base], env: { [flag.env]: value }, isPlain: value === flag.good })
  }
  for (const flag of required) odd(...full, ...without(flag))
  for (const [n] of positional.entries()) odd(...words, ...positional.slice(0, n), ...base)
  for (const [n, one] of args.entries())
    if (one.bad !== undefined)
      odd(...words, ...args.map((other, m) => (m === n ? (one.bad ?? '') : other.good)), ...base)
  for (const more of [
    'extra',
    '--nope',
    '--nope=1',
    '-x',
    '-h',
    '--help',
    '-',
    '-5',
    '',
    ' ',
    '--',
    '---',
    '--=',
    '-=',
  ])
    odd(...full, ...args.slice(positional.length).map((one) => one.good), ...base, more)
  odd(...full, ...base, '--', '--help')
  odd(...words, 'help')
  odd('help', ...words)
  odd(...words.slice(0, -1))
  odd(...words.slice(0, -1), `${words.at(-1)}x`, ...positional, ...base)
  return lines
}
