/** Lines of help that fit the screen. */

/** Returns `text` in lines of at most `width` characters, broken at blanks; the lines after the first are indented by `hanging`. */
export function wrapped(text: string, width: number, { hanging = 0 }: { hanging?: number } = {}): readonly string[] {
  return joined(text.split(/(?<=\S) /), width, ' '.repeat(hanging))
}

/** Returns a command line in lines of at most `width` characters that a shell reads as one: broken with `\` between its arguments. */
export function brokenCommand(line: string, width: number): readonly string[] {
  if (line.length <= width) return [line]
  const words = line.match(/^\s+|(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? []
  const lines = joined(words, width - 2, ' '.repeat(4))
  return lines.map((part, i) => (i === lines.length - 1 ? part : `${part} \\`))
}

function joined(words: readonly string[], width: number, indent: string): readonly string[] {
  const lines: string[] = []
  for (const word of words) {
    const last = lines.at(-1)
    if (last === undefined) lines.push(word)
    else if (last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(`${indent}${word}`)
  }
  return lines
}
