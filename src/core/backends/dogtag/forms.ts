/**
 * Forms of Dogtag's profiles, whose inputs differ from profile to profile, filled from a certificate request.
 * Invariant: an input that nothing is known for is left as the server sent it.
 */
import { readRequest } from '../../pki/csr.js'
import type { DistinguishedName } from '../../pki/names.js'
import { pem } from '../../pki/pem.js'

export type JsonObject = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Returns the objects of a list. Some versions write a list of one as its only member. */
export function listOf(value: unknown): readonly JsonObject[] {
  return (Array.isArray(value) ? value : [value]).filter(isObject)
}

/** Fills a request into the form of a profile. */
export function filledForm(template: JsonObject, csr: Uint8Array): JsonObject {
  const { request } = readRequest(csr)
  const values: Readonly<Record<string, string>> = {
    ...(request === undefined ? {} : subjectInputs(request.subject)),
    cert_request_type: 'pkcs10',
    cert_request: pem('CERTIFICATE REQUEST', csr),
    requestor_name: 'brine',
    requestor_email: '',
    requestor_phone: '',
  }
  const Input = listOf(template['Input']).map((input) => ({
    ...input,
    Attribute: listOf(input['Attribute']).map((attribute) => {
      const value = values[String(attribute['name'])]
      return value === undefined ? attribute : { ...attribute, Value: value }
    }),
  }))
  return { ...template, Input }
}

/** Inputs of the class subjectNameInputImpl, of which such a profile builds the subject, by attribute. */
const SUBJECT_INPUTS: readonly (readonly [oid: string, input: string])[] = [
  ['0.9.2342.19200300.100.1.1', 'sn_uid'],
  ['1.2.840.113549.1.9.1', 'sn_e'],
  ['2.5.4.3', 'sn_cn'],
  ['2.5.4.10', 'sn_o'],
  ['2.5.4.6', 'sn_c'],
]
const UNIT = '2.5.4.11'
/** Inputs of organizational units, the one nearest to the root first. */
const UNIT_INPUTS = ['sn_ou', 'sn_ou1', 'sn_ou2', 'sn_ou3'] as const

/** Returns the value of each subject input; empty where the subject has no such attribute, since the server fails on an unset one. */
function subjectInputs({ attributes }: DistinguishedName): Readonly<Record<string, string>> {
  const textFor = (oid: string): string => attributes.find(([type]) => type === oid)?.[1] ?? ''
  const units = attributes.flatMap(([type, text]) => (type === UNIT ? [text] : []))
  // a name that begins with its commonName is written from the leaf to the root
  const types = attributes.map(([type]) => type)
  const fromLeaf = types.includes('2.5.4.3') && types.indexOf('2.5.4.3') < types.indexOf(UNIT)
  const ordered = fromLeaf ? units.reverse() : units
  return {
    ...Object.fromEntries(SUBJECT_INPUTS.map(([oid, input]) => [input, textFor(oid)])),
    ...Object.fromEntries(UNIT_INPUTS.map((input, n) => [input, ordered[n] ?? ''])),
  }
}
