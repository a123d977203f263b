/**
 * Sections of a text that is not TOML as a whole: what can be read without the sections that cannot.
 * Invariant: nothing is read that stands in a faulty section, and the lines before the first section are read completely or not at all.
 */
import type { TomlError } from 'smol-toml'

export interface SyntaxFault {
  /** Counted from 1. */
  readonly line: number
  readonly message: string
}

/** A section that is not TOML. */
export interface FaultyBlock extends SyntaxFault {
  /** Its header without brackets: `ha.group`. */
  readonly header: string
  /** Value of its `id` or `name`, as far as it can be recognized. */
  readonly name: string | undefined
  readonly text: string
}

export interface Salvaged {
  /** The text with blank lines in place of the faulty sections. */
  readonly text: string
  readonly table: Readonly<Record<string, unknown>>
  readonly faulty: readonly FaultyBlock[]
}

type Parse = (text: string) => Record<string, unknown>

interface Block {
  readonly header: string
  /** Index of its first line. */
  readonly start: number
  readonly lines: readonly string[]
}

const HEADER = /^\s*\[+\s*([A-Za-z0-9_.\-"' \t]*)/
/** Headers that begin a section of their own although they extend another header. */
const OWN = ['ha.group', 'est.label', 'est.profile']

/** Returns what is TOML in the text; undefined if the lines before the first section are not, or a header has no name. */
export function salvage(text: string, parse: Parse): Salvaged | undefined {
  const [base, ...sections] = blocksOf(text)
  if (base === undefined || faultOf(base, parse) !== undefined) return undefined
  const kept = [base]
  const faulty: FaultyBlock[] = []
  for (const section of sections) {
    if (section.header === '') return undefined
    // a section may be in order alone and repeat another one, so it is parsed together with the ones before it
    const alone = faultOf(section, parse)
    const fault = alone ?? faultAfter(kept, section, parse)
    if (fault === undefined) kept.push(section)
    else faulty.push({ ...fault, header: section.header, name: nameIn(section), text: section.lines.join('\n') })
  }
  const rest = textOf(kept)
  return { text: rest, table: parse(rest), faulty }
}

/** Returns the fault of a text that is not TOML. Throws any other error. */
export function syntaxFaultOf(error: unknown): SyntaxFault {
  if (!(error instanceof Error) || !('line' in error)) throw error
  const { line, column } = error as TomlError
  const [what = 'not TOML'] = error.message.replace(/^Invalid TOML document: /, '').split('\n')
  return { line, message: `not TOML, column ${column}: ${what}` }
}

/** Returns the lines before the first header, then each section with the tables below it. */
function blocksOf(text: string): readonly Block[] {
  const blocks: { header: string; start: number; lines: string[] }[] = [{ header: '', start: 0, lines: [] }]
  for (const [index, line] of text.split('\n').entries()) {
    const header = HEADER.exec(line)?.[1]?.replace(/["'\s]/g, '')
    const last = blocks.at(-1)
    const isBelow = header?.startsWith(`${last?.header}.`) === true && !OWN.includes(header)
    if (header === undefined || isBelow) last?.lines.push(line)
    else blocks.push({ header, start: index, lines: [line] })
  }
  return blocks
}

function faultOf(block: Block, parse: Parse): SyntaxFault | undefined {
  try {
    parse(block.lines.join('\n'))
    return undefined
  } catch (error) {
    const { line, message } = syntaxFaultOf(error)
    return { line: block.start + line, message }
  }
}

/** Returns the fault of a section that cannot follow the others, such as a table that is defined twice. */
function faultAfter(kept: readonly Block[], section: Block, parse: Parse): SyntaxFault | undefined {
  try {
    parse(textOf([...kept, section]))
    return undefined
  } catch (error) {
    return { line: section.start + 1, message: syntaxFaultOf(error).message.replace(/, column \d+/, '') }
  }
}

/** Returns the blocks as one text, each on its lines. */
function textOf(blocks: readonly Block[]): string {
  const lines: string[] = []
  for (const block of blocks) {
    while (lines.length < block.start) lines.push('')
    lines.push(...block.lines)
  }
  return lines.join('\n')
}

function nameIn({ lines }: Block): string | undefined {
  for (const line of lines) {
    const name = /^\s*(?:id|name)\s*=\s*["']?([A-Za-z0-9_-]+)/.exec(line)?.[1]
    if (name !== undefined) return name
  }
  return undefined
}
