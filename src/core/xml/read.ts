/**
 * Strict, bounded reader of XML 1.0 with namespaces, for the messages of peers. Invariant: time and memory are bounded by the limits, and
 * nothing but an `XmlFault` is thrown, whatever the bytes are. A DTD is refused, so no entity exists beyond the five of XML 1.0 section
 * 4.6; comments and processing instructions are ignored; CDATA is text. Only modules that are loaded when a message is read import this
 * one: it loads `saxes`.
 */
import { isUtf8 } from 'node:buffer'
import { type SaxesAttributeNS, SaxesParser, type SaxesTagNS } from 'saxes'

export interface XmlElement {
  /** Local name, without prefix. */
  readonly name: string
  /** Namespace name; `''` for none. */
  readonly namespace: string
  /** Values by local name, `xml:lang` for those of XML itself, `{namespace}name` for others; declarations of namespaces are left out. */
  readonly attributes: ReadonlyMap<string, string>
  readonly children: readonly XmlElement[]
  /** The character data between the children, joined. */
  readonly text: string
  /** Place of the `<`, both from 1. */
  readonly line: number
  readonly column: number
}

export interface XmlLimits {
  /** Length of the document. */
  readonly bytes: number
  /** Elements inside each other. */
  readonly depth: number
  readonly elements: number
  /** Attributes of one element, declarations of namespaces among them. */
  readonly attributes: number
  /** Characters of one attribute and of the text of one element. */
  readonly text: number
}

/** Limits for a message of one object; a protocol with larger messages gives its own. */
export const XML_LIMITS: XmlLimits = { bytes: 1 << 20, depth: 16, elements: 10_000, attributes: 32, text: 1 << 20 }

export class XmlFault extends Error {
  /** The section of XML 1.0, of its namespaces, or the limit that the document breaks. */
  readonly rule: string
  readonly line: number
  readonly column: number

  constructor(rule: string, message: string, line: number, column: number) {
    super(message)
    this.name = 'XmlFault'
    this.rule = rule
    this.line = line
    this.column = column
  }
}

/** Names that an XML declaration may give to UTF-8 and its subset. */
const ENCODINGS: ReadonlySet<string> = new Set(['utf-8', 'utf8', 'us-ascii', 'ascii'])

const LIMIT = 'a limit of this reader'
const XML_NAMESPACE = 'http://www.w3.org/XML/1998/namespace'
const XMLNS_NAMESPACE = 'http://www.w3.org/2000/xmlns/'

/** Reads a document and returns its root. Throws `XmlFault`. */
export function parseXml(bytes: Uint8Array, limits: Partial<XmlLimits> = {}): XmlElement {
  const bounds = { ...XML_LIMITS, ...limits }
  if (bytes.length > bounds.bytes) {
    throw new XmlFault(LIMIT, `${bytes.length} octets, more than ${bounds.bytes}`, 1, 1)
  }
  return new Builder(decodeUtf8(bytes), bounds).run()
}

interface OpenElement extends XmlElement {
  readonly attributes: Map<string, string>
  readonly children: XmlElement[]
  text: string
}

type Parser = SaxesParser<{ xmlns: true }>

class Builder {
  private readonly parser: Parser = new SaxesParser({ xmlns: true })
  private readonly open: OpenElement[] = []
  private readonly places: Places
  private readonly text: string
  private readonly limits: XmlLimits
  private root: XmlElement | undefined
  private elements = 0
  private attributes = 0
  private start: Place = { line: 1, column: 1 }

  constructor(text: string, limits: XmlLimits) {
    this.text = text
    this.limits = limits
    this.places = new Places(text)
  }

  run(): XmlElement {
    const { parser } = this
    parser.on('error', (error) => this.fail('XML 1.0', withoutPlace(error.message)))
    parser.on('xmldecl', ({ version, encoding }) => this.declaration(version, encoding))
    parser.on('doctype', () => this.fail('XML 1.0 section 2.8', 'a document type declaration (DTD) is not allowed'))
    parser.on('opentagstart', ({ name }) => this.begin(name))
    parser.on('attribute', (attribute) => this.attribute(attribute))
    parser.on('opentag', (tag) => this.opened(tag))
    parser.on('text', (text) => this.append(text))
    parser.on('cdata', (text) => this.append(text))
    parser.on('closetag', () => void this.open.pop())
    parser.write(this.text).close()
    if (this.root === undefined) return this.fail('XML 1.0 section 2.1', 'there is no element')
    return this.root
  }

  private declaration(version: string | undefined, encoding: string | undefined): void {
    if (version !== undefined && version !== '1.0') this.fail('XML 1.0 section 2.8', 'only XML version 1.0 is read')
    if (encoding !== undefined && !ENCODINGS.has(encoding.toLowerCase()))
      this.fail('XML 1.0 section 4.3.3', `the encoding is not UTF-8: ${shown(encoding)}`)
  }

  /** Called behind the name and the one character after it. */
  private begin(name: string): void {
    this.start = this.places.at(this.parser.position - name.length - 2)
    this.attributes = 0
    this.elements += 1
    if (this.elements > this.limits.elements) this.exceeded(`more than ${this.limits.elements} elements`)
    if (this.open.length >= this.limits.depth)
      this.exceeded(`more than ${this.limits.depth} elements inside each other`)
  }

  private attribute({ value }: Pick<SaxesAttributeNS, 'value'>): void {
    this.attributes += 1
    if (this.attributes > this.limits.attributes) this.exceeded(`more than ${this.limits.attributes} attributes`)
    if (value.length > this.limits.text) this.exceeded(`an attribute of more than ${this.limits.text} characters`)
  }

  private opened(tag: SaxesTagNS): void {
    const attributes = new Map<string, string>()
    for (const { prefix, local, uri, value } of Object.values(tag.attributes)) {
      if (uri === XMLNS_NAMESPACE || prefix === 'xmlns') continue
      attributes.set(uri === '' ? local : uri === XML_NAMESPACE ? `xml:${local}` : `{${uri}}${local}`, value)
    }
    const { local: name, uri: namespace } = tag
    const element: OpenElement = { name, namespace, attributes, children: [], text: '', ...this.start }
    const parent = this.open.at(-1)
    if (parent === undefined) this.root = element
    else parent.children.push(element)
    this.open.push(element)
  }

  private append(text: string): void {
    const element = this.open.at(-1)
    if (element === undefined) return
    element.text += text
    if (element.text.length > this.limits.text) this.exceeded(`a text of more than ${this.limits.text} characters`)
  }

  private exceeded(message: string): never {
    return this.fail(LIMIT, message)
  }

  private fail(rule: string, message: string): never {
    throw new XmlFault(rule, message, this.parser.line, this.parser.column + 1)
  }
}

interface Place {
  readonly line: number
  readonly column: number
}

/** Lines and columns of offsets that only rise, so that all of them cost one pass over the text. */
class Places {
  private readonly text: string
  private offset = 0
  private line = 1
  private lineStart = 0

  constructor(text: string) {
    this.text = text
  }

  at(offset: number): Place {
    for (; this.offset < offset; this.offset += 1) {
      const code = this.text.charCodeAt(this.offset)
      const ends = code === 10 || (code === 13 && this.text.charCodeAt(this.offset + 1) !== 10)
      if (ends) {
        this.line += 1
        this.lineStart = this.offset + 1
      }
    }
    return { line: this.line, column: offset - this.lineStart + 1 }
  }
}

/** Decodes UTF-8 without a byte order mark. Throws `XmlFault` with the place of the first octet that is none. */
function decodeUtf8(bytes: Uint8Array): string {
  const text = new TextDecoder('utf-8').decode(bytes)
  if (isUtf8(bytes)) return text
  const from = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
  const { line, column } = new Places(text).at(firstReplaced(bytes, text, from))
  const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
  throw new XmlFault(
    'XML 1.0 section 4.3.3',
    utf16 ? 'the text is UTF-16; only UTF-8 is read' : 'not UTF-8',
    line,
    column,
  )
}

/** Returns the offset in `text` of the first U+FFFD that stands for octets that are not UTF-8. */
function firstReplaced(bytes: Uint8Array, text: string, from: number): number {
  let octet = from
  let last = 0
  for (let at = text.indexOf('\ufffd'); at >= 0; at = text.indexOf('\ufffd', last)) {
    octet += Buffer.byteLength(text.slice(last, at))
    if (bytes[octet] !== 0xef || bytes[octet + 1] !== 0xbf || bytes[octet + 2] !== 0xbd) return at
    octet += 3
    last = at + 1
  }
  return 0
}

/** Returns a message of the parser without its place, which the fault has as numbers. */
function withoutPlace(message: string): string {
  return shown(message.replace(/^\d+:\d+: /, '')).replace(/\.$/, '')
}

/** Returns untrusted text for a message: one line, bounded. */
function shown(text: string): string {
  const line = text.slice(0, 120).replace(/[\p{C}\p{Z}]/gu, (c) => (c === ' ' ? c : '?'))
  return text.length > 120 ? `${line}...` : line
}
