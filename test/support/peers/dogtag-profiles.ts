/** Profiles of the stand-in for Dogtag: their forms, what they refuse, and what they make of a request, as a Dogtag 10.10.2 does. */

import type { Instant } from '../../../src/core/base/time.js'
import { systemRandom } from '../../../src/core/crypto/random.js'
import { createFindings } from '../../../src/core/der/findings.js'
import { parseDer } from '../../../src/core/der/reader.js'
import { encode, ia5, implicit, oid, printable, seq, seqOf, set } from '../../../src/core/der/writer.js'
import { type CertificateRequest, readRequest } from '../../../src/core/pki/csr.js'
import { type Issuer, issueCertificate } from '../../../src/core/pki/issue.js'
import { type DistinguishedName, readDistinguishedName } from '../../../src/core/pki/names.js'
import type { CertificateProfile } from '../../../src/core/pki/profile.js'

interface Attribute {
  readonly name: string
  readonly Value?: string
}

export interface Form {
  readonly ProfileID: string
  readonly Input: readonly { readonly Attribute: readonly Attribute[] }[]
}

const REQUEST = ['cert_request_type', 'cert_request']
const SUBMITTER = ['requestor_name', 'requestor_email', 'requestor_phone']
const SUBJECT = ['sn_uid', 'sn_e', 'sn_cn', 'sn_ou3', 'sn_ou2', 'sn_ou1', 'sn_ou', 'sn_o', 'sn_c']

/** The form of a profile; caUserCert asks for the parts of the subject. */
export function template(ProfileID: string) {
  const field = (name: string) => ({ name, Value: '', Descriptor: { Syntax: 'string', Description: name } })
  const input = (ClassID: string, names: readonly string[]) => ({ ClassID, Attribute: names.map(field) })
  const inputs = [
    input(ProfileID === 'caUserCert' ? 'keyGenInputImpl' : 'certReqInputImpl', REQUEST),
    ...(ProfileID === 'caUserCert' ? [input('subjectNameInputImpl', SUBJECT)] : []),
    input('submitterInfoInputImpl', SUBMITTER),
  ]
  const Input = inputs.map((one, n) => ({ id: `i${n + 1}`, ...one, ConfigAttribute: [] }))
  return { Attributes: { Attribute: [] }, ProfileID, Renewal: false, Input }
}

export function inputsOf({ Input }: Form): ReadonlyMap<string, string> {
  return new Map(Input.flatMap(({ Attribute }) => Attribute.map(({ name, Value = '' }) => [name, Value] as const)))
}

/** Why a form is refused: with a status without a request, or as a rejected request; empty if it is not. */
export function refusalBy(form: Form, csr: Uint8Array): { readonly status?: number; readonly message?: string } {
  if (form.ProfileID === 'caRefusing') return { message: 'Subject Name Not Matched CN=device-1' }
  const { request } = readRequest(csr)
  if (/^ca(?:Agent)?ServerCert$/.test(form.ProfileID) && request?.key.kind !== 'rsa')
    return { message: 'Key Type RSA Not Matched' }
  if (form.ProfileID !== 'caUserCert') return {}
  const values = inputsOf(form)
  const given = SUBJECT.filter((name) => (values.get(name) ?? '') !== '')
  if (given.length === 0) return { status: 500, message: 'Unable to create enrollment request: Subject Name Not Found' }
  return given.includes('sn_uid') ? {} : { message: `Subject Name Not Matched CN=${values.get('sn_cn')}` }
}

/** Returns the certificate that a profile makes of a request; undefined for bytes that are no request. */
export async function issuedBy(
  issuer: Issuer,
  form: Form,
  csr: Uint8Array,
  other: CertificateProfile,
): Promise<Uint8Array | undefined> {
  const { request } = readRequest(csr)
  if (request === undefined) return undefined
  const now = new Date().toISOString().replace(/\.\d+/, '') as Instant
  const { made, profile } = policyOf(form, request, other)
  return issueCertificate(issuer, made, profile, now, systemRandom)
}

function policyOf(form: Form, request: CertificateRequest, other: CertificateProfile) {
  switch (form.ProfileID) {
    case 'caServerCert':
    case 'caAgentServerCert':
      return {
        made: { ...request, san: fromCommonName(request.subject) },
        profile: withUsages(other, form.ProfileID === 'caServerCert' ? ['serverAuth', 'clientAuth'] : ['serverAuth']),
      }
    case 'caUserCert':
      return {
        made: { ...request, san: undefined, subject: subjectOf(inputsOf(form)) },
        profile: withUsages(other, ['clientAuth', 'emailProtection']),
      }
    default:
      return { made: request, profile: other }
  }
}

function withUsages(profile: CertificateProfile, extendedKeyUsages: CertificateProfile['extendedKeyUsages']) {
  return { ...profile, extendedKeyUsages }
}

/** Copies a commonName that looks like a DNS name; the names of the request are dropped. */
function fromCommonName({ commonName = '' }: DistinguishedName): Uint8Array | undefined {
  return commonName.includes('.') ? encode(seq(implicit(2, ia5(commonName)))) : undefined
}

const TYPES: Readonly<Record<string, string>> = {
  sn_c: '2.5.4.6',
  sn_o: '2.5.4.10',
  sn_ou: '2.5.4.11',
  sn_ou1: '2.5.4.11',
  sn_cn: '2.5.4.3',
  sn_uid: '0.9.2342.19200300.100.1.1',
}

function subjectOf(values: ReadonlyMap<string, string>): DistinguishedName {
  const parts = Object.entries(TYPES).flatMap(([name, type]) => {
    const text = values.get(name) ?? ''
    return text === '' ? [] : [set(seq(oid(type), printable(text)))]
  })
  const findings = createFindings()
  const node = parseDer(encode(seqOf(parts)), findings)
  if (node === undefined) throw new TypeError('no subject')
  return readDistinguishedName(node, 'the subject', findings)
}
