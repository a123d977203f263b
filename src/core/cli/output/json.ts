/** Formats reports as JSON: indented by two spaces, keys in the order of the report, one final line break. */

export function formatJson(report: unknown): string {
  return `${JSON.stringify(report, null, 2)}\n`
}
