/** Strict decoder of distinguished names (RFC 6487 sections 4.4 and 4.5): one commonName, at most one serialNumber, nothing else. */
import { quoted } from '../../base/text.js'
import type { FindingList } from '../../der/findings.js'
import { textOf } from '../../der/primitives.js'
import { contentOf, type DerNode, rawOf, TAG } from '../../der/reader.js'
import { membersOf, readOid } from '../../der/values.js'
import { OID_COMMON_NAME, OID_SERIAL_NUMBER } from './oids.js'

export interface ParsedName {
  /** DER of the Name, for comparisons. */
  readonly der: Uint8Array
  readonly commonName: string | undefined
  readonly serialNumber: string | undefined
}

/** String types that validators read in a name although it must be a PrintableString: UTF8String and TeletexString. */
const OTHER_STRINGS: ReadonlySet<number> = new Set([TAG.utf8String, 0x14])

/** Reads a name, with its findings under `rule`; `what` is `issuer` or `subject`. */
export function readName(node: DerNode, what: string, rule: string, findings: FindingList): ParsedName {
  const names: string[] = []
  const serials: string[] = []
  const sets = membersOf(node, { what: `the ${what}`, rule, tag: TAG.sequence }, findings)
  const setFrame = { what: `a part of the ${what}`, rule, tag: TAG.set, least: 1 }
  for (const attribute of sets.flatMap((part) => membersOf(part, setFrame, findings))) {
    const frame = { what: `an attribute of the ${what}`, rule, tag: TAG.sequence, least: 2, most: 2 }
    const [type, value] = membersOf(attribute, frame, findings)
    const oid = readOid(type)
    if (oid === OID_COMMON_NAME && value !== undefined) names.push(readText(value, what, rule, findings))
    else if (oid === OID_SERIAL_NUMBER) {
      serials.push(value === undefined ? '' : textOf(contentOf(value)))
      checkString(value, `the serialNumber of the ${what}`, rule, findings)
    } else
      findings.add(
        rule,
        `the ${what} has an attribute ${oid ?? '(unreadable)'} that is neither commonName nor serialNumber`,
      )
  }
  if (names.length === 0) findings.add(rule, `the ${what} has no commonName`)
  if (names.length > 1 || serials.length > 1) findings.add(rule, `the ${what} has an attribute more than once`)
  return { der: rawOf(node), commonName: names[0], serialNumber: serials[0] }
}

function readText(value: DerNode, what: string, rule: string, findings: FindingList): string {
  const isUtf8 = value.tag === TAG.utf8String
  const content = contentOf(value)
  const text = isUtf8 ? Buffer.from(content).toString('utf8') : textOf(content)
  checkString(value, `the commonName ${quoted(text)} of the ${what}`, rule, findings)
  return text
}

function checkString(value: DerNode | undefined, what: string, rule: string, findings: FindingList): void {
  if (value?.tag === TAG.printableString) return
  const message = `${what} is not a PrintableString`
  if (value !== undefined && OTHER_STRINGS.has(value.tag)) findings.tolerate(rule, message)
  else findings.add(rule, message)
}
