/**
 * Mutants of a valid object in which one identifier octet is another one; lengths stay, so every place stays where it was. What a mutation
 * leaves unsigned is signed again, so that a mutant is refused for its structure and not for its signature.
 */
import { createHash, sign } from 'node:crypto'
import { type Der, ia5, integer, nothing, octets, oid, printable, seq, set } from '../../../src/core/der/writer.js'
import { GOOD } from './defect-matrix.js'
import { certificate, roa, roaContent } from './objects.js'
import { as, CA, EE, HOST, ip, policy, prefix, TA, type TestKey, v4, v6 } from './parts.js'
import { checklist, prefixList, trustAnchorKey } from './read-only-objects.js'

interface Element {
  readonly at: number
  readonly body: number
  readonly end: number
  readonly children: readonly Element[]
}

export interface Mutant {
  /** `SEQUENCE at octet 4 as 0x31`. */
  readonly id: string
  readonly at: number
  readonly from: number
  readonly to: number
  /** Returns the octets, signed again. */
  readonly bytes: () => Uint8Array
}

/** Identifier octets that a mutation writes: universal types, primitive and constructed, and context tags of both forms. */
const TAGS = [
  0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0a, 0x0c, 0x10, 0x11, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1e, 0x22, 0x23, 0x24,
  0x30, 0x31, 0x80, 0x81, 0x82, 0x83, 0x86, 0xa0, 0xa1, 0xa2, 0xa3,
]

/** Reads the element at `at` and all it holds; strings that hold one constructed element are opened. */
function elementAt(bytes: Uint8Array, at: number, limit: number): Element | undefined {
  const [tag, first] = [bytes[at], bytes[at + 1]]
  if (tag === undefined || first === undefined || first === 0x80 || first > 0x83) return undefined
  const count = first < 0x80 ? 0 : first & 0x7f
  const body = at + 2 + count
  const length = count === 0 ? first : bytes.subarray(at + 2, body).reduce((sum, octet) => sum * 256 + octet, 0)
  const end = body + length
  if (end > limit) return undefined
  const inside = (tag & 0x20) !== 0 ? body : tag === 0x04 ? body : tag === 0x03 && bytes[body] === 0 ? body + 1 : end
  const children = elementsIn(bytes, inside, end)
  const isString = (tag & 0x20) === 0
  const isOpened = !isString || (children?.length === 1 && [0x30, 0x31].includes(bytes[inside] ?? 0))
  return { at, body, end, children: isOpened ? (children ?? []) : [] }
}

function elementsIn(bytes: Uint8Array, from: number, end: number): readonly Element[] | undefined {
  const found: Element[] = []
  for (let at = from; at < end; ) {
    const element = elementAt(bytes, at, end)
    if (element === undefined) return undefined
    found.push(element)
    at = element.end
  }
  return found
}

function flat(element: Element): readonly Element[] {
  return [element, ...element.children.flatMap(flat)]
}

/** Yields a mutant for each identifier octet and each other tag. `signer` signed the object, or the EE certificate inside of it. */
export function* identifierMutants(good: Uint8Array, signer: TestKey): Generator<Mutant> {
  const root = elementAt(good, 0, good.length)
  if (root === undefined) throw new Error('not DER')
  for (const { at } of flat(root)) {
    const from = good[at] ?? 0
    for (const to of TAGS.filter((tag) => tag !== from)) {
      const bytes = (): Uint8Array => {
        const changed = Buffer.from(good)
        changed[at] = to
        signAgain(changed, root, signer)
        return changed
      }
      yield { id: `0x${from.toString(16)} at octet ${at} as 0x${to.toString(16)}`, at, from, to, bytes }
    }
  }
}

/** Signs a certificate, a CRL or a signed object again, at the places of the object before its mutation. */
function signAgain(bytes: Buffer, root: Element, signer: TestKey): void {
  const isCms = root.children.length === 2
  if (isCms) signCms(bytes, root, signer)
  else signTbs(bytes, root, signer)
}

function signCms(bytes: Buffer, root: Element, signer: TestKey): void {
  const signed = root.children[1]?.children[0]
  const [content, certificates, ...rest] = signed?.children.slice(2) ?? []
  const infos = rest.pop()
  // a message of RFC 6492 has a CRL between certificates and signers
  const crl = rest[0]?.children[0]
  if (crl !== undefined) signTbs(bytes, crl, signer)
  const ee = certificates?.children[0]
  const info = infos?.children[0]
  const eContent = content?.children[1]?.children[0]
  const [attributes, , signature] = info?.children.slice(3) ?? []
  if (ee === undefined || eContent === undefined || attributes === undefined || signature === undefined)
    throw new Error('not a signed object')
  signTbs(bytes, ee, signer)
  const digest = createHash('sha256').update(bytes.subarray(eContent.body, eContent.end)).digest()
  for (const part of attributes.children) {
    const value = part.children[1]?.children[0]
    if (value !== undefined && value.end - value.body === 32) digest.copy(bytes, value.body)
  }
  const asSet = Buffer.from(bytes.subarray(attributes.at, attributes.end))
  asSet[0] = 0x31
  Buffer.from(sign('sha256', asSet, EE.key)).copy(bytes, signature.body)
}

function signTbs(bytes: Buffer, outer: Element, signer: TestKey): void {
  const [tbs, , signature] = outer.children
  if (tbs === undefined || signature === undefined) throw new Error('not signed')
  Buffer.from(sign('sha256', bytes.subarray(tbs.at, tbs.end), signer.key)).copy(bytes, signature.body + 1)
}

/** A valid object, and the key that signed it or its EE certificate. */
export interface Subject {
  readonly id: string
  readonly path: string
  readonly good: Uint8Array
  readonly signer: TestKey
}

const part = (type: string, text: string): Der => set(seq(oid(type), printable(text)))

/** A CA certificate with every optional member that the profile permits: a serialNumber in the subject, a CPS qualifier, ranges. */
const rich = (): Uint8Array =>
  certificate('ca', (parts) => {
    parts.subject = seq(part('2.5.4.3', CA.name), part('2.5.4.5', '7'))
    parts.extensions.cp = policy(seq(oid('1.3.6.1.5.5.7.2.1'), ia5(`https://${HOST}/cps`)))
    parts.extensions.ip = ip(
      v4(prefix([10]), seq(prefix([192, 0, 2], 1), prefix([192, 0, 4]))),
      seq(octets(Uint8Array.of(0, 2)), nothing()),
    )
    parts.extensions.as = as(integer(64496), seq(integer(64500), integer(64511)))
  })

/** A ROA of both families, with and without maxLength. */
const wide = (): Uint8Array =>
  roa(
    undefined,
    roaContent((parts) => {
      parts.blocks = [
        v4(seq(prefix([10, 0, 0]), integer(26)), seq(prefix([10, 0, 1]))),
        v6(seq(prefix([0x20, 1, 0x0d, 0xb8]))),
      ]
    }),
    (parts) => {
      parts.extensions.ip = ip(v4(prefix([10])), v6(prefix([0x20, 1, 0x0d, 0xb8])))
    },
  )

const pathOf = (id: string): string => GOOD.find((good) => good.id === id)?.path ?? ''

/** One valid object of each kind. */
export const SUBJECTS: readonly Subject[] = [
  ...GOOD.map(({ id, path, bytes }) => ({ id, path, bytes })),
  { id: 'rich child', path: pathOf('child'), bytes: rich },
  { id: 'wide roa', path: pathOf('roa'), bytes: wide },
  { id: 'checklist', path: 'letter.sig', bytes: checklist },
  { id: 'ta key', path: `rpki.example.test/repo/ta/${TA.name}.tak`, bytes: trustAnchorKey },
  { id: 'prefix list', path: pathOf('roa').replace('.roa', '.spl'), bytes: prefixList },
].map(({ bytes, ...rest }) => ({ ...rest, good: bytes(), signer: /^(ta|child|rich)/.test(rest.id) ? TA : CA }))
