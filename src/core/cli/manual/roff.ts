/** Formats manual pages with the `man` macros (man(7)). Invariant: input text cannot start a request or an escape sequence. */

/** Escapes text so that it prints as written; hyphens remain ASCII hyphens that can be pasted. */
export function escapeRoff(text: string): string {
  const escaped = text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/[^\n\x20-\x7e]/gu, (character) => `\\[u${hex(character)}]`)
  return escaped.replace(/^[.']/gm, '\\&$&')
}

function hex(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')
}

export const bold = (text: string): string => `\\fB${escapeRoff(text)}\\fR`
export const italic = (text: string): string => `\\fI${escapeRoff(text)}\\fR`

/** Formats a synopsis such as `roa add CA [--dry-run]`: placeholders in italics, the rest in bold. */
export function synopsis(text: string): string {
  return text
    .split(/([A-Z][A-Z-]*(?:\.\.\.)?|[[\]| ]+)/)
    .filter((part) => part !== '')
    .map((part) => (/^[[\]| ]+$/.test(part) ? escapeRoff(part) : /^[A-Z]/.test(part) ? italic(part) : bold(part)))
    .join('')
}

/** Returns one paragraph for each line of text. */
export function paragraphs(text: string): readonly string[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .flatMap((line) => ['.PP', escapeRoff(line.trim())])
}

/** Returns a term, which may contain markup, with its definition. */
export function entry(term: string, meaning: string): readonly string[] {
  return ['.TP', term, escapeRoff(meaning)]
}

/** Returns lines that are printed verbatim. */
export function literal(lines: readonly string[]): readonly string[] {
  return ['.PP', '.nf', '.RS 4', ...lines.map(escapeRoff), '.RE', '.fi']
}

export interface Section {
  readonly title: string
  /** Lines of roff. */
  readonly body: readonly string[]
}

export interface Page {
  /** `brine-roa` */
  readonly name: string
  readonly version: string
  readonly sections: readonly Section[]
}

/** Returns the text of a page. Omits sections without a body. */
export function formatPage({ name, version, sections }: Page): string {
  const head = `.TH ${name.toUpperCase()} 1 "" "brine ${version}" "Brine manual"`
  const lines = sections
    .filter((section) => section.body.length > 0)
    .flatMap((section) => [`.SH ${section.title}`, ...section.body])
  return `${['.\\" Made from the commands by: npm run man', head, '.nh', '.ad l', ...lines].join('\n')}\n`
}
