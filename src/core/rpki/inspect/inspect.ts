/**
 * What a file of the RPKI says and every fault in it, for an operator who was sent a broken one. The type is found from the content;
 * the file name is a hint whose mismatch is a fault. Invariant: no bytes make it throw.
 */
import type { Json } from '../../base/json.js'
import type { Instant } from '../../base/time.js'
import { sha256Hex } from '../../crypto/digest.js'
import type { ObjectFinding } from '../../der/findings.js'
import { createFindings, type FindingList } from '../../der/findings.js'
import { type DerNode, parseDer } from '../../der/reader.js'
import { parseCrl } from '../crl.js'
import { type ParsedObject, parseObject } from '../signed-object/decode-object.js'
import { decodeTal } from '../tal.js'
import { type ParsedCertificate, parseCertificate } from '../x509/decode-certificate.js'
import { lastSegment } from '../x509/uri.js'
import { verifyRsa } from '../x509/verify-rsa.js'
import { type Detected, detect, expectedTypes, type InspectedType } from './detect.js'
import { bodyFields, certificateFields, crlFields, talFields } from './fields.js'

/** A report: plain JSON. */
export interface Inspection {
  readonly file: string
  readonly type: InspectedType
  readonly size: number
  readonly sha256: string
  /** What the object says; its members depend on the type. */
  readonly fields: Json
  /** The EE certificate of a signed object. */
  readonly ee?: Json
  readonly faults: readonly ObjectFinding[]
  /** No fault, or only such as validators are known to accept. */
  readonly accepted: boolean
}

/** rpki-client reads files of 100 octets to 8 MB. */
const MIN_SIZE = 100
const MAX_SIZE = 8_000_000

interface Found {
  readonly type: InspectedType
  readonly fields: Json
  readonly ee?: Json
}

/** The report on `bytes`, named `fileName`, as of `now`. Never rejects. */
export async function inspectObject(fileName: string, bytes: Uint8Array, now: Instant): Promise<Inspection> {
  const faults = createFindings()
  const found = bytes.length > MAX_SIZE ? tooLarge(bytes, faults) : await inspectBytes(fileName, bytes, now, faults)
  checkName(fileName, found.type, faults)
  const all = faults.all()
  return {
    file: fileName,
    type: found.type,
    size: bytes.length,
    sha256: sha256Hex(bytes),
    fields: found.fields,
    ...(found.ee !== undefined && { ee: found.ee }),
    faults: all,
    accepted: !faults.isBroken(),
  }
}

function tooLarge(bytes: Uint8Array, faults: FindingList): Found {
  faults.add('rpki-client limit', `${bytes.length} octets; validators read no file above ${MAX_SIZE}`)
  return { type: 'unknown', fields: {} }
}

async function inspectBytes(fileName: string, bytes: Uint8Array, now: Instant, faults: FindingList): Promise<Found> {
  const detected = detect(bytes, faults)
  if (detected.kind === 'tal') {
    const { content, findings: found } = decodeTal(bytes)
    faults.addAll(found)
    return { type: 'tal', fields: content === undefined ? {} : talFields(content) }
  }
  if (detected.kind === 'unknown') return unknown(detected.what, faults)
  const { der } = detected
  if (der.length < MIN_SIZE)
    faults.add('rpki-client limit', `${der.length} octets; validators read no file below ${MIN_SIZE}`)
  const node = parseDer(der, faults)
  if (node === undefined) return { type: 'unknown', fields: {} }
  return inspectDer(fileName, node, detected, now, faults)
}

function unknown(what: string, faults: FindingList): Found {
  faults.add('RFC 6481 section 2.2', `not an object of the RPKI: ${what}`)
  return { type: 'unknown', fields: {} }
}

async function inspectDer(
  fileName: string,
  node: DerNode,
  detected: Detected,
  now: Instant,
  faults: FindingList,
): Promise<Found> {
  if (detected.kind === 'certificate') return inspectCertificate(parseCertificate(node, undefined, faults), now, faults)
  if (detected.kind === 'crl') {
    const crl = parseCrl(node, faults)
    checkPeriod('RFC 6487 section 5', 'the CRL', crl?.thisUpdate, crl?.nextUpdate, now, faults)
    return { type: 'crl', fields: crl === undefined ? {} : crlFields(crl) }
  }
  if (detected.kind !== 'signed-object') return unknown('DER of an unknown structure', faults)
  const object = parseObject(node, faults)
  return object === undefined
    ? unknown('an unreadable CMS object', faults)
    : inspectSigned(fileName, node, object, now, faults)
}

async function inspectCertificate(
  certificate: ParsedCertificate | undefined,
  now: Instant,
  faults: FindingList,
): Promise<Found> {
  if (certificate === undefined) return { type: 'unknown', fields: {} }
  checkPeriod('RFC 6487 section 4.6', 'the certificate', certificate.notBefore, certificate.notAfter, now, faults)
  const { purpose, key, signature, tbs, raw } = certificate
  if (purpose === 'ee')
    faults.add('RFC 6488 section 2.1.4', 'an EE certificate on its own: it belongs inside a signed object')
  if (purpose === 'ta' && key?.algorithm === 'RSA' && signature !== undefined) {
    const isSigned = verifyRsa(key.spki, tbs, signature)
    if (!isSigned) faults.add('RFC 8630 section 2.3', 'the self-signature of the trust anchor does not verify')
    else await agree('RFC 8630 section 2.3', async (verify) => verify.verifyCertificate(raw), faults)
  }
  return { type: purpose === 'router' ? 'router-certificate' : 'certificate', fields: certificateFields(certificate) }
}

async function inspectSigned(
  fileName: string,
  node: DerNode,
  object: ParsedObject,
  now: Instant,
  faults: FindingList,
): Promise<Found> {
  const { envelope, body } = object
  const { ee } = envelope
  if (body.type === 'manifest')
    checkPeriod('RFC 9286 section 6.3', 'the manifest', body.content?.thisUpdate, body.content?.nextUpdate, now, faults)
  checkPeriod('RFC 6487 section 4.6', 'the EE certificate', ee?.notBefore, ee?.notAfter, now, faults)
  const uri = ee?.extensions.sia?.signedObject
  const ownName = fileName.split(/[/\\]/).at(-1)
  if (uri !== undefined && ownName !== undefined && lastSegment(uri) !== ownName)
    faults.tolerate(
      'RFC 6487 section 4.8.8.2',
      `its signedObject URI is ${uri}: under another file name validators reject it`,
    )
  if (envelope.isSigned)
    await agree('RFC 6488 section 3', async (verify) => verify.verifySignedObject(node.bytes), faults)
  return {
    type: body.type,
    fields: {
      contentType: envelope.contentType ?? null,
      signingTime: envelope.signingTime ?? null,
      ...(bodyFields(body) as Readonly<Record<string, Json>>),
    },
    ...(ee !== undefined && { ee: certificateFields(ee) }),
  }
}

/** Asks the independent reader about a signature that we found valid; a different answer is a fault worth knowing. */
async function agree(
  rule: string,
  ask: (verify: typeof import('./second-opinion.js')) => Promise<import('./second-opinion.js').SecondOpinion>,
  faults: FindingList,
): Promise<void> {
  const opinion = await ask(await import('./second-opinion.js'))
  if (opinion !== 'valid') faults.add(rule, `the signature verifies here, but a second reader finds it ${opinion}`)
}

function checkPeriod(
  rule: string,
  what: string,
  from: Instant | undefined,
  to: Instant | undefined,
  now: Instant,
  faults: FindingList,
): void {
  if (from !== undefined && now < from) faults.add(rule, `${what} is not valid before ${from}`)
  if (to !== undefined && now > to) faults.add(rule, `${what} was valid until ${to}`)
}

function checkName(fileName: string, type: InspectedType, faults: FindingList): void {
  const extension = /\.([A-Za-z0-9]+)$/.exec(fileName)?.[1]?.toLowerCase()
  const expected = extension === undefined ? undefined : expectedTypes(extension)
  if (expected === undefined || type === 'unknown' || expected.includes(type)) return
  faults.add('RFC 6481 section 2.2', `a file named .${extension} holds a ${type}`)
}
