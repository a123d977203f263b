/**
 * Inspection of files of the RPKI: their content and every finding, for an operator who received a broken one. The type is found from the
 * content; a file name of another type is a finding. Files given together are checked against each other. Invariant: no bytes make it throw.
 */
import type { Json } from '../../base/json.js'
import type { Instant } from '../../base/time.js'
import { sha256Hex } from '../../crypto/digest.js'
import type { ObjectFinding } from '../../der/findings.js'
import { createFindings, type FindingList, severityOf } from '../../der/findings.js'
import { type DerNode, parseDer } from '../../der/reader.js'
import { parseCrl } from '../crl.js'
import { type ParsedObject, parseObject } from '../signed-object/decode-object.js'
import { decodeTal } from '../tal.js'
import { type ParsedCertificate, parseCertificate } from '../x509/decode-certificate.js'
import { lastSegment } from '../x509/uri.js'
import { verifyRsa } from '../x509/verify-rsa.js'
import { type Detected, detect, expectedTypes, type InspectedType } from './detect.js'
import { certificateFields, crlFields, talFields } from './fields.js'
import { checkTogether, type Relatives, type Subject } from './together.js'

/** A report on one file: plain JSON. */
export interface Inspection {
  readonly file: string
  readonly type: InspectedType
  readonly size: number
  readonly sha256: string
  /** The content of the object; its members depend on the type. */
  readonly fields: Json
  /** The EE certificate of a signed object. */
  readonly ee?: Json
  readonly faults: readonly ObjectFinding[]
  /** True if there is no finding, or only such as validators are known to accept. */
  readonly accepted: boolean
  readonly verdict: Verdict
  /** The files given with it that it was checked against; absent if there is none. */
  readonly checkedAgainst?: Relatives
}

/** `untidy`: rules are broken that no validator insists on; `refused`: no rule is broken, and rpki-client refuses it; `invalid`: a rule is broken. */
export type Verdict = 'valid' | 'untidy' | 'refused' | 'invalid'

/** A file to inspect. */
export interface NamedBytes {
  readonly name: string
  readonly bytes: Uint8Array
}

/** rpki-client reads files of 100 octets to 8 MB. */
const MIN_SIZE = 100
const MAX_SIZE = 8_000_000

interface Found {
  readonly type: InspectedType
  readonly fields: Json
  readonly ee?: Json
  /** Parts that other files are checked against. */
  readonly parts?: Omit<Subject, 'file' | 'sha256' | 'findings'>
}

/** Returns the report on `bytes`, named `fileName`, as of `now`. Never rejects. */
export async function inspectObject(fileName: string, bytes: Uint8Array, now: Instant): Promise<Inspection> {
  const [only] = await inspectTogether([{ name: fileName, bytes }], now)
  // one report per file
  return only as Inspection
}

/** Returns the report on each file as of `now`, checked against the others. Never rejects. */
export async function inspectTogether(files: readonly NamedBytes[], now: Instant): Promise<readonly Inspection[]> {
  const examined: { readonly found: Found; readonly subject: Subject; readonly size: number }[] = []
  for (const { name, bytes } of files) {
    const findings = createFindings()
    const found = bytes.length > MAX_SIZE ? tooLarge(bytes, findings) : await inspectBytes(name, bytes, now, findings)
    checkName(name, found.type, findings)
    const subject = { file: name, sha256: sha256Hex(bytes), findings, ...found.parts }
    examined.push({ found, subject, size: bytes.length })
  }
  const relatives = checkTogether(examined.map(({ subject }) => subject))
  return examined.map(({ found, subject, size }, i) => {
    const faults = subject.findings.all()
    const related = relatives[i] ?? {}
    return {
      file: subject.file,
      type: found.type,
      size,
      sha256: subject.sha256,
      fields: found.fields,
      ...(found.ee !== undefined && { ee: found.ee }),
      faults,
      accepted: !subject.findings.isBroken(),
      verdict: verdictOf(faults),
      ...(Object.keys(related).length > 0 && { checkedAgainst: related }),
    }
  })
}

/** Returns the verdict on a file with these findings. */
export function verdictOf(faults: readonly ObjectFinding[]): Verdict {
  const severities = new Set(faults.map(severityOf))
  if (severities.has('broken')) return 'invalid'
  if (severities.has('refused')) return 'refused'
  return severities.has('tolerated') ? 'untidy' : 'valid'
}

function tooLarge(bytes: Uint8Array, findings: FindingList): Found {
  // not examined, so that nothing good can be said of it
  findings.add(
    'rpki-client limit',
    `${bytes.length} octets; rpki-client reads no file above ${MAX_SIZE}, nor is it read here`,
  )
  return { type: 'unknown', fields: {} }
}

async function inspectBytes(fileName: string, bytes: Uint8Array, now: Instant, findings: FindingList): Promise<Found> {
  const detected = detect(bytes, findings)
  if (detected.kind === 'tal') {
    const { content, findings: found } = decodeTal(bytes)
    findings.addAll(found)
    return content === undefined
      ? { type: 'tal', fields: {} }
      : { type: 'tal', fields: talFields(content), parts: { tal: content } }
  }
  if (detected.kind === 'unknown') return unknown(detected.what, findings)
  const { der } = detected
  if (der.length < MIN_SIZE)
    findings.refused('rpki-client limit', `${der.length} octets; rpki-client reads no file below ${MIN_SIZE}`)
  const node = parseDer(der, findings)
  if (node === undefined) return { type: 'unknown', fields: {} }
  return inspectDer(fileName, node, detected, now, findings)
}

function unknown(what: string, findings: FindingList): Found {
  findings.add('RFC 6481 section 2.2', `not an object of the RPKI: ${what}`)
  return { type: 'unknown', fields: {} }
}

async function inspectDer(
  fileName: string,
  node: DerNode,
  detected: Detected,
  now: Instant,
  findings: FindingList,
): Promise<Found> {
  if (detected.kind === 'certificate')
    return inspectCertificate(parseCertificate(node, undefined, findings), now, findings)
  if (detected.kind === 'crl') {
    const crl = parseCrl(node, findings)
    checkPeriod('RFC 6487 section 5', 'the CRL', crl?.thisUpdate, crl?.nextUpdate, now, findings)
    return crl === undefined ? { type: 'crl', fields: {} } : { type: 'crl', fields: crlFields(crl), parts: { crl } }
  }
  if (detected.kind !== 'signed-object') return unknown('DER of an unknown structure', findings)
  const object = await parseObject(node, findings)
  return object === undefined
    ? unknown('an unreadable CMS object', findings)
    : inspectSigned(fileName, node, object, now, findings)
}

async function inspectCertificate(
  certificate: ParsedCertificate | undefined,
  now: Instant,
  findings: FindingList,
): Promise<Found> {
  if (certificate === undefined) return { type: 'unknown', fields: {} }
  checkPeriod('RFC 6487 section 4.6', 'the certificate', certificate.notBefore, certificate.notAfter, now, findings)
  const { purpose, key, signature, tbs, raw } = certificate
  if (purpose === 'ee')
    findings.add('RFC 6488 section 2.1.4', 'an EE certificate on its own: it belongs inside a signed object')
  if (purpose === 'ta' && key?.algorithm === 'RSA' && signature !== undefined) {
    const isSigned = verifyRsa(key.spki, tbs, signature)
    if (!isSigned) findings.add('RFC 8630 section 2.3', 'the self-signature of the trust anchor does not verify')
    else await agree('RFC 8630 section 2.3', async (verify) => verify.verifyCertificate(raw), findings)
  }
  const type = purpose === 'router' ? 'router-certificate' : 'certificate'
  return { type, fields: certificateFields(certificate), parts: { certificate } }
}

async function inspectSigned(
  fileName: string,
  node: DerNode,
  object: ParsedObject,
  now: Instant,
  findings: FindingList,
): Promise<Found> {
  const { envelope, body } = object
  const { ee } = envelope
  const { period } = body
  if (period !== undefined) checkPeriod(period.rule, period.what, period.from, period.to, now, findings)
  checkPeriod('RFC 6487 section 4.6', 'the EE certificate', ee?.notBefore, ee?.notAfter, now, findings)
  const uri = ee?.extensions.sia?.signedObject
  const ownName = fileName.split(/[/\\]/).at(-1)
  if (uri !== undefined && ownName !== undefined && lastSegment(uri) !== ownName)
    findings.tolerate(
      'RFC 6487 section 4.8.8.2',
      `its signedObject URI is ${uri}: under another file name validators reject it`,
    )
  if (envelope.isSigned)
    await agree('RFC 6488 section 3', async (verify) => verify.verifySignedObject(node.bytes), findings)
  return {
    type: body.type,
    fields: {
      contentType: envelope.contentType ?? null,
      signingTime: envelope.signingTime ?? null,
      ...body.fields,
    },
    ...(ee !== undefined && { ee: certificateFields(ee) }),
    parts: {
      isSignedObject: true,
      ...(ee !== undefined && { certificate: ee }),
      ...(body.manifest !== undefined && { manifest: body.manifest }),
      ...(body.tak !== undefined && { tak: body.tak }),
    },
  }
}

/** Asks the independent reader about a signature that was found valid here; a different answer is a finding. */
async function agree(
  rule: string,
  ask: (verify: typeof import('./second-opinion.js')) => Promise<import('./second-opinion.js').SecondOpinion>,
  findings: FindingList,
): Promise<void> {
  const opinion = await ask(await import('./second-opinion.js'))
  if (opinion !== 'valid') findings.add(rule, `the signature verifies here, but a second reader finds it ${opinion}`)
}

function checkPeriod(
  rule: string,
  what: string,
  from: Instant | undefined,
  to: Instant | undefined,
  now: Instant,
  findings: FindingList,
): void {
  if (from !== undefined && now < from) findings.add(rule, `${what} is not valid before ${from}`)
  if (to !== undefined && now > to) findings.add(rule, `${what} was valid until ${to}`)
}

function checkName(fileName: string, type: InspectedType, findings: FindingList): void {
  const extension = /\.([A-Za-z0-9]+)$/.exec(fileName)?.[1]?.toLowerCase()
  const expected = extension === undefined ? undefined : expectedTypes(extension)
  if (expected === undefined || type === 'unknown' || expected.includes(type)) return
  findings.add('RFC 6481 section 2.2', `a file named .${extension} holds a ${type}`)
}
