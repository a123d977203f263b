/** Lines of the elements of a TOML array, for messages. A multi-line string in it can give a wrong line, never a wrong value. */

/** A comment, a string of one line, a bracket, a comma, or a piece of any other value. */
const TOKEN = /#.*|"(?:[^"\\]|\\.)*"|'[^']*'|[[\]{},]|[^\s#"'[\]{},]+/g

/** Returns the line (from 1) on which each element of the array begins whose key is on line `start`. */
export function elementLines(lines: readonly string[], start: number): readonly number[] {
  const found: number[] = []
  let depth = 0
  let isNext = false
  for (let number = start; number <= lines.length; number++) {
    const line = lines[number - 1] ?? ''
    const text = number === start ? line.slice(line.indexOf('=') + 1) : line
    for (const [token] of text.matchAll(TOKEN)) {
      if (token.startsWith('#')) break
      const isEnd = token === ']' || token === '}'
      if (depth === 1 && isNext && !isEnd && token !== ',') found.push(number)
      if (depth === 1) isNext = token === ','
      if (token === '[' || token === '{') {
        depth += 1
        if (depth === 1) isNext = true
      } else if (isEnd) depth -= 1
      if (depth === 0) return found
    }
  }
  return found
}
