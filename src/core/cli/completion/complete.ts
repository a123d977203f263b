/** Completion of an unfinished command line: words of the program itself, or a source of words. Pure. */
import type { Word } from '../../app/completion/words.js'
import {
  type CommandTable,
  type Source,
  sourceOfArg,
  sourceOfFlag,
  type TableCommand,
  type TableFlag,
} from './table.js'

/** Words that may replace the last one. */
export interface Offer {
  readonly source: Source
  /** Words of the program. */
  readonly words: readonly Word[]
  /** Text of the last word in front of the value: `--ca=`. */
  readonly prefix: string
  /** True behind `--`: a word that begins with a dash is no flag. */
  readonly isAfterFlags: boolean
  /** Words that stand on the line and are not offered again. */
  readonly taken: readonly string[]
  /** The first argument, which is a CA where something of a CA is asked for. */
  readonly ca: string | undefined
  readonly dataDir: string | undefined
  readonly configPath: string | undefined
}

/** The finished words of a line. */
interface Line {
  readonly path: string[]
  command: string | undefined
  readonly args: string[]
  readonly flags: Map<string, string>
  isAfterFlags: boolean
  /** The flag whose value is next. */
  open: TableFlag | undefined
}

const HELP: readonly Word[] = [
  { word: '--help', note: 'show help' },
  { word: '--version', note: 'show the version' },
]

/** Returns what may stand in place of `last`, which follows `words`; nothing for a line that names no command. */
export function offerFor(table: CommandTable, words: readonly string[], last: string): Offer {
  const line = readLine(table, words)
  const base = {
    taken: [],
    isAfterFlags: line.isAfterFlags,
    ca: line.args[0],
    dataDir: line.flags.get('data-dir'),
    configPath: line.flags.get('config'),
  }
  const [written, equals] = [/^--([\w-]+)=/.exec(last)?.[1], last.indexOf('=')]
  const flag = line.open ?? (written === undefined || line.isAfterFlags ? undefined : findFlag(table, line, written))
  if (flag !== undefined) {
    const prefix = line.open === undefined ? last.slice(0, equals + 1) : ''
    return { ...base, prefix, ...ofFlag(line, flag) }
  }
  if (last.startsWith('-') && !line.isAfterFlags)
    return { ...base, prefix: '', source: 'none', words: flagWords(table, line) }
  if (line.command === undefined) return { ...base, prefix: '', source: 'none', words: nextWords(table, line.path) }
  return { ...base, prefix: '', taken: line.args, ...ofArgument(table, line) }
}

/** Reads the finished words. Flags in front of the command are the global ones. */
function readLine(table: CommandTable, words: readonly string[]): Line {
  const line: Line = {
    path: [],
    command: undefined,
    args: [],
    flags: new Map(),
    isAfterFlags: false,
    open: undefined,
  }
  for (const word of words[0] === 'help' ? words.slice(1) : words) readWord(table, line, word)
  return line
}

function readWord(table: CommandTable, line: Line, word: string): void {
  const { open } = line
  if (open !== undefined) {
    line.flags.set(open.name, word)
    line.open = undefined
  } else if (!line.isAfterFlags && word === '--') line.isAfterFlags = true
  else if (!line.isAfterFlags && word.startsWith('--')) {
    const [name = '', ...value] = word.slice(2).split('=')
    const flag = findFlag(table, line, name)
    line.flags.set(name, value.join('='))
    if (flag?.isOption === true && value.length === 0) line.open = flag
  } else if (line.command === undefined) {
    line.path.push(word)
    const id = line.path.join(':')
    if (Object.hasOwn(table.commands, id)) line.command = id
  } else line.args.push(word)
}

function findFlag(table: CommandTable, line: Line, name: string): TableFlag | undefined {
  return commandFlags(table, line).find((flag) => flag.name === name)
}

/** Returns the flags of the command, before it is named those that every command has. */
function commandFlags(table: CommandTable, { command }: Line): readonly TableFlag[] {
  if (command !== undefined) return table.commands[command]?.flags ?? []
  const [first, ...others] = Object.values(table.commands)
  const isShared = ({ name }: TableFlag) => others.every(({ flags }) => flags.some((flag) => flag.name === name))
  return first?.flags.filter(isShared) ?? []
}

function flagWords(table: CommandTable, line: Line): readonly Word[] {
  const open = commandFlags(table, line).filter(({ name, multiple }) => multiple === true || !line.flags.has(name))
  const own = open.map(({ name, note }) => ({ word: `--${name}`, note }))
  return [...own, ...(line.path.length === 0 ? HELP : HELP.slice(0, 1))]
}

function ofFlag({ command = '' }: Line, flag: TableFlag): Pick<Offer, 'source' | 'words'> {
  if (flag.options !== undefined) return { source: 'none', words: flag.options.map((word) => ({ word })) }
  return { source: sourceOfFlag(command, flag), words: [] }
}

function ofArgument(table: CommandTable, line: Line): Pick<Offer, 'source' | 'words'> {
  const { command = '', args } = line
  const defined = (table.commands[command] as TableCommand).args
  const arg = defined[args.length] ?? defined.findLast(({ multiple }) => multiple === true)
  if (arg === undefined) return { source: 'none', words: line.isAfterFlags ? [] : flagWords(table, line) }
  if (arg.options !== undefined) return { source: 'none', words: arg.options.map((word) => ({ word })) }
  return { source: sourceOfArg(command, arg.name), words: [] }
}

/** Returns the words that follow those of a topic. */
function nextWords({ commands, topics }: CommandTable, path: readonly string[]): readonly Word[] {
  const found = new Map<string, string>()
  for (const [id, { summary }] of Object.entries(commands)) {
    const words = id.split(':')
    const word = words[path.length]
    if (word === undefined || !path.every((part, n) => words[n] === part)) continue
    const isCommand = words.length === path.length + 1
    const note = isCommand ? summary : (topics[words.slice(0, path.length + 1).join(':')] ?? '')
    if (isCommand || !found.has(word)) found.set(word, note)
  }
  return [...found].map(([word, note]) => (note === '' ? { word } : { word, note }))
}
