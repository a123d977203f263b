/** The shell blocks of a document, each with the note in front of it that says whether a test runs it. */

export interface Block {
  /** `run` may name the programs it needs; `shown` says why it is not run. */
  readonly kind: 'run' | 'shown'
  readonly note: string
  /** The heading that it stands under. */
  readonly heading: string
  readonly line: number
  readonly script: string
}

/** Every ```sh block. Throws for one without a note, so that none is forgotten. */
export function shellBlocks(text: string): readonly Block[] {
  const lines = text.split('\n')
  const blocks: Block[] = []
  let heading = ''
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? ''
    heading = /^#+ (.*)$/.exec(line)?.[1] ?? heading
    if (!line.startsWith('```sh')) continue
    const end = lines.indexOf('```', at)
    const note = /^<!-- (run|shown)(?:: (.+))? -->$/.exec(lines[at - 1] ?? '')
    const [, kind, about = ''] = note ?? []
    if ((kind !== 'run' && kind !== 'shown') || (kind === 'shown' && about === ''))
      throw new Error(`line ${at + 1}: a shell block needs <!-- run --> or <!-- shown: why --> in front of it`)
    blocks.push({ kind, note: about, heading, line: at + 1, script: lines.slice(at + 1, end).join('\n') })
    at = end
  }
  return blocks
}

/** The text under a heading, up to the next one of its level. */
export function sectionOf(text: string, heading: string): string {
  const level = heading.split(' ')[0] ?? '#'
  const start = text.indexOf(`\n${heading}\n`)
  if (start < 0) throw new Error(`there is no heading ${heading}`)
  const rest = text.slice(start + heading.length + 2)
  const next = rest.search(new RegExp(`^#{1,${level.length}} `, 'm'))
  return next < 0 ? rest : rest.slice(0, next)
}

/** Rows of the first table in a text, without its head; each cell trimmed. */
export function tableRows(text: string): readonly (readonly string[])[] {
  const lines = text.split('\n')
  const start = lines.findIndex((line) => line.startsWith('|'))
  const rows: string[][] = []
  for (const line of lines.slice(start + 2)) {
    if (!line.startsWith('|')) break
    rows.push(
      line
        .slice(1, -1)
        .split(' | ')
        .map((cell) => cell.trim()),
    )
  }
  return rows
}
