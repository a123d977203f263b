/**
 * Reads XML elements by a table of their attributes and children, declared once per element with the section of its RFC. Invariant: whatever
 * the table does not allow is a `ProtocolFault` with line, column and section: an unknown, missing or repeated part, or text where there is
 * none.
 */
import { quoted } from '../../base/text.js'
import { parseXml, type XmlElement, XmlFault, type XmlLimits } from '../../xml/read.js'
import { ProtocolFault } from '../fault.js'

/** Parses a text; calls `refuse` with the end of a sentence, such as `is not a handle`. */
export type Value<T> = (text: string, refuse: (problem: string) => never) => T

interface AttributeRule<T> {
  readonly required: boolean
  readonly value: Value<T>
}

interface ChildRule<T> {
  readonly min: 0 | 1
  readonly max: number
  readonly collect: (found: readonly XmlElement[]) => T
}

export interface Shape<A, C, T> {
  /** The section that defines the element: `RFC 8183 section 5.2.1`. */
  readonly rule: string
  readonly attributes: { readonly [K in keyof A]: AttributeRule<A[K]> }
  /** In any order. */
  readonly children?: { readonly [K in keyof C]: ChildRule<C[K]> }
  /** Without it the element has no text but white space. */
  readonly text?: Value<T>
  /** Attributes and children that are not in the table are ignored, as the peers of this element do. */
  readonly open?: true
}

/** Faults that a decoder has found so far, where it reads on after the first one. */
export type FaultList = ProtocolFault[]

/** An element of a document whose faults are collected. */
interface CollectingElement extends XmlElement {
  readonly faults: FaultList
}

/** Returns the list that takes the faults of an element; undefined where the first one is thrown. */
function faultsOf(element: XmlElement): FaultList | undefined {
  return (element as Partial<CollectingElement>).faults
}

function collecting(element: XmlElement, faults: FaultList): CollectingElement {
  return { ...element, faults, children: element.children.map((child) => collecting(child, faults)) }
}

/** Runs a decoder to the end of the message; it passes the list on to `readDocument`. Returns its value, or all faults of a message that has one. */
export function collectFaults<T>(
  decode: (faults: FaultList) => T,
): { readonly value: T } | { readonly faults: readonly ProtocolFault[] } {
  const faults: FaultList = []
  const value = attempt(faults, () => decode(faults))
  return faults.length === 0 ? { value } : { faults }
}

/** Throws the fault of an element, or keeps it where all are collected. */
function refuse(element: XmlElement, fault: ProtocolFault): void {
  const faults = faultsOf(element)
  if (faults === undefined) throw fault
  faults.push(fault)
}

/** Runs a part of a decoder. Where faults are collected, a part that has one ends with undefined, and the others go on. */
function attempt<T>(faults: FaultList | undefined, read: () => T): T {
  if (faults === undefined) return read()
  try {
    return read()
  } catch (error) {
    if (error instanceof ProtocolFault) faults.push(error)
    // a value that is missing because of an earlier fault may fail anywhere
    else if (faults.length === 0) throw error
    return undefined as T
  }
}

/** Declares the table of an element; its types follow from the rules in it. */
export function shape<A, C, T>(table: Shape<A, C, T>): Shape<A, C, T> {
  return table
}

export interface Contents<A, C, T> {
  readonly attributes: A
  readonly children: C
  readonly text: T
}

export function required<T>(value: Value<T>): AttributeRule<T> {
  return { required: true, value }
}

export function optional<T>(value: Value<T>): AttributeRule<T | undefined> {
  return { required: false, value }
}

/** Exactly one child. */
export function one<T>(read: (element: XmlElement) => T): ChildRule<T> {
  return { min: 1, max: 1, collect: ([first]) => read(first as XmlElement) }
}

export function maybe<T>(read: (element: XmlElement) => T): ChildRule<T | undefined> {
  return { min: 0, max: 1, collect: ([first]) => (first === undefined ? undefined : read(first)) }
}

/** Any number of children, in the order of the document. */
export function many<T>(read: (element: XmlElement) => T): ChildRule<readonly T[]> {
  return {
    min: 0,
    max: Number.POSITIVE_INFINITY,
    collect: (found) => found.map((element) => attempt(faultsOf(element), () => read(element))),
  }
}

/** Returns a reader of elements with neither attributes nor content. */
export function emptyElement(rule: string): (element: XmlElement) => true {
  return (element) => {
    readShape(element, { rule, attributes: {} })
    return true
  }
}

/** Returns a reader of elements that have text and no attributes. */
export function textElement<T>(rule: string, text: Value<T>): (element: XmlElement) => T {
  return (element) => readShape(element, { rule, attributes: {}, text }).text
}

/** Reads an element by its table. Throws `ProtocolFault`. */
export function readShape<A, C, T>(element: XmlElement, shape: Shape<A, C, T>): Contents<A, C, T> {
  return {
    attributes: readAttributes(element, shape),
    children: readChildren(element, shape),
    text: readText(element, shape),
  }
}

/** Reads an element whose children are alternatives, in the order of the document. Throws `ProtocolFault`. */
export function readSequence<T>(
  element: XmlElement,
  rule: string,
  readers: Readonly<Record<string, (element: XmlElement) => T>>,
): readonly T[] {
  refuseText(element, rule)
  return element.children.map((child) => {
    const read = own(readers, child, element)
    return attempt(faultsOf(element), () => {
      if (read === undefined) throw unexpectedChild(element, child, rule, Object.keys(readers))
      return read(child)
    })
  })
}

/** Reads the attributes of an element by its table, and nothing else of it. Throws `ProtocolFault`. */
export function readAttributes<A, C, T>(element: XmlElement, shape: Shape<A, C, T>): A {
  const { rule, attributes: rules } = shape
  const read: Partial<A> = {}
  for (const key of Object.keys(rules) as (keyof A & string)[]) {
    const text = element.attributes.get(key)
    if (text !== undefined) {
      const refuseValue = (problem: string): never => {
        throw faultAt(element, rule, `the attribute ${key} of <${element.name}> ${problem}: ${quoted(text)}`)
      }
      read[key] = attempt(faultsOf(element), () => rules[key].value(text, refuseValue))
    } else if (rules[key].required) {
      refuse(element, faultAt(element, rule, `<${element.name}> has no attribute ${key}`))
    }
  }
  const unknown = shape.open === true ? [] : [...element.attributes.keys()].filter((key) => !Object.hasOwn(rules, key))
  for (const key of unknown)
    refuse(element, faultAt(element, rule, `<${element.name}> has an unknown attribute: ${quoted(key)}`))
  return read as A
}

function readChildren<A, C, T>(element: XmlElement, shape: Shape<A, C, T>): C {
  const { rule, open } = shape
  const rules: { readonly [K in keyof C]?: ChildRule<C[K]> } = shape.children ?? {}
  const names = Object.keys(rules) as (keyof C & string)[]
  const found = new Map<string, XmlElement[]>(names.map((name) => [name, []]))
  for (const child of element.children) {
    const known = child.namespace === element.namespace ? found.get(child.name) : undefined
    if (known !== undefined) known.push(child)
    else if (open !== true) refuse(element, unexpectedChild(element, child, rule, names))
  }
  const read: Partial<C> = {}
  for (const name of names) {
    const { min, max, collect } = rules[name] as ChildRule<C[typeof name]>
    const children = found.get(name) ?? []
    const extra = children[max]
    if (extra !== undefined) refuse(element, faultAt(extra, rule, `<${element.name}> has more than one <${name}>`))
    if (children.length < min) refuse(element, faultAt(element, rule, `<${element.name}> has no <${name}>`))
    else read[name] = attempt(faultsOf(element), () => collect(children))
  }
  return read as C
}

function readText<A, C, T>(element: XmlElement, { rule, text }: Shape<A, C, T>): T {
  if (text !== undefined) {
    return attempt(faultsOf(element), () =>
      text(element.text, (problem) => {
        throw faultAt(element, rule, `the text of <${element.name}> ${problem}`)
      }),
    )
  }
  refuseText(element, rule)
  return undefined as T
}

function refuseText(element: XmlElement, rule: string): void {
  const text = element.text.trim()
  if (text !== '') refuse(element, faultAt(element, rule, `<${element.name}> has text: ${quoted(text)}`))
}

function own<T>(
  readers: Readonly<Record<string, (element: XmlElement) => T>>,
  child: XmlElement,
  parent: XmlElement,
): ((element: XmlElement) => T) | undefined {
  return child.namespace === parent.namespace && Object.hasOwn(readers, child.name) ? readers[child.name] : undefined
}

function unexpectedChild(
  element: XmlElement,
  child: XmlElement,
  rule: string,
  names: readonly string[],
): ProtocolFault {
  const foreign = child.namespace === element.namespace ? '' : ` of the namespace ${quoted(child.namespace)}`
  const expected = names.length === 0 ? 'it has no children' : `expected <${names.join('>, <')}>`
  return faultAt(child, rule, `<${element.name}> contains <${child.name.slice(0, 80)}>${foreign}; ${expected}`)
}

/** Returns the fault of an element. */
export function faultAt(element: XmlElement, rule: string, message: string, status?: number): ProtocolFault {
  return new ProtocolFault(rule, message, { line: element.line, column: element.column, status })
}

export interface Protocol {
  /** Ends with a slash; read without it, and without any namespace, too. */
  readonly namespace: string
  readonly rule: string
  readonly limits: Partial<XmlLimits>
  /** Local names that a root may have. */
  readonly roots: readonly string[]
}

/**
 * Reads a document of a protocol and returns its root. Throws `ProtocolFault`. With `faults` the readers of its elements collect theirs in it.
 */
export function readDocument(bytes: Uint8Array, protocol: Protocol, faults?: FaultList): XmlElement {
  const root = parse(bytes, protocol.limits)
  const { namespace, roots, rule } = protocol
  if (root.namespace !== '' && root.namespace.replace(/\/$/, '') !== namespace.replace(/\/$/, '')) {
    throw faultAt(root, rule, `the namespace is ${quoted(root.namespace)}, expected ${quoted(namespace)}`)
  }
  if (!roots.includes(root.name)) {
    throw faultAt(root, rule, `the message is <${root.name.slice(0, 80)}>, expected <${roots.join('>, <')}>`)
  }
  return faults === undefined ? root : collecting(root, faults)
}

function parse(bytes: Uint8Array, limits: Partial<XmlLimits>): XmlElement {
  try {
    return parseXml(bytes, limits)
  } catch (cause) {
    if (!(cause instanceof XmlFault)) throw cause
    const { rule, message, line, column } = cause
    throw new ProtocolFault(rule, message, { line, column, cause })
  }
}
