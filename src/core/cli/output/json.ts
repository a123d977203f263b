/** Formats reports as JSON: indented by two spaces, keys in the order of the report, one final line break. */

/** Characters that JSON may contain as they are, and that a terminal obeys. */
const OBEYED = /[\u007f-\u009f\p{Bidi_Control}\u2028\u2029]/gu

export function formatJson(report: unknown): string {
  const text = JSON.stringify(report, null, 2)
  return `${text.replace(OBEYED, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`
}

/**
 * Returns a report as scripts read it: `changed` is `yes`, `no` or `unknown` as in errors, also in its parts, and `no` in a dry run, where
 * `wouldChange` says what the command would do. A command that writes and whose report has no `changed` gets `watched`.
 */
export function jsonReport(report: object, watched?: string): object {
  const dryRun = Reflect.get(report, 'dryRun') === true
  const told = 'changed' in report || watched === undefined ? report : { ...report, changed: watched }
  return withWords(told, dryRun)
}

function withWords(report: object, dryRun: boolean): object {
  const entries = Object.entries(report).flatMap(([key, value]: [string, unknown]): [string, unknown][] => {
    if (isPlain(value)) return [[key, withWords(value, dryRun)]]
    if (key !== 'changed' || typeof value !== 'boolean') return [[key, value]]
    if (!dryRun) return [[key, value ? 'yes' : 'no']]
    return [
      [key, 'no'],
      ['wouldChange', value],
    ]
  })
  return Object.fromEntries(entries)
}

function isPlain(value: unknown): value is object {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.getPrototypeOf(value) === Object.prototype
  )
}
