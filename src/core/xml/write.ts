/**
 * Deterministic writer of XML: attributes in the order given, one element per line, two spaces per level, UTF-8 without a declaration.
 * Invariant: whatever the texts are, the result is well-formed, and `parseXml` gives them back, except that a character that XML 1.0
 * section 2.2 forbids becomes U+FFFD.
 */
import { escapeXml } from './escape.js'

export interface XmlNode {
  readonly name: string
  /** In the order in which they are written; those without a value are left out. */
  readonly attributes?: Readonly<Record<string, string | undefined>>
  /** Text or children, never both. */
  readonly content?: string | readonly XmlNode[]
}

/** Characters outside of production 2, and unpaired surrogates. */
const FORBIDDEN = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu

/** White space that a reader would turn into spaces (XML 1.0 sections 2.11 and 3.3.3). */
const ATTRIBUTE_SPACE = /[\t\n\r]/g

/** Returns the text of a document with a line feed at its end. */
export function writeXml(root: XmlNode): string {
  const out: string[] = []
  writeNode(root, '', out)
  return out.join('')
}

function writeNode({ name, attributes = {}, content = '' }: XmlNode, indent: string, out: string[]): void {
  let tag = `${indent}<${name}`
  for (const [key, value] of Object.entries(attributes))
    if (value !== undefined) tag += ` ${key}="${attributeText(value)}"`
  if (content.length === 0) out.push(tag, '/>\n')
  else if (typeof content === 'string') out.push(tag, '>', elementText(content), `</${name}>\n`)
  else {
    out.push(tag, '>\n')
    for (const child of content) writeNode(child, `${indent}  `, out)
    out.push(`${indent}</${name}>\n`)
  }
}

function attributeText(text: string): string {
  return escapeXml(text.replace(FORBIDDEN, '\ufffd')).replace(ATTRIBUTE_SPACE, reference)
}

function elementText(text: string): string {
  return escapeXml(text.replace(FORBIDDEN, '\ufffd')).replace(/\r/g, reference)
}

function reference(char: string): string {
  return `&#${char.charCodeAt(0)};`
}
