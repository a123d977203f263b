/** Messages in words and as plain JSON, with what is wrong in the parts that their decoders do not look into. */
import type { Json } from '../../base/json.js'
import { quoted } from '../../base/text.js'
import type { Instant } from '../../base/time.js'
import { sha256Hex } from '../../crypto/digest.js'
import type { FindingList } from '../../der/findings.js'
import { checkUri } from '../../rpki/x509/uri.js'
import { describeMessage } from '../cms/describe.js'
import { given } from '../elements/values.js'
import type { ProvisioningBody, ProvisioningClass, ProvisioningMessage, RequestLimit } from '../provisioning/types.js'
import type { PublicationMessage } from '../publication/decode.js'
import type { Pdu, PublicationReply } from '../publication/types.js'
import type {
  ChildRequest,
  ParentResponse,
  PublisherRequest,
  Referral,
  RepositoryResponse,
  SetupMessage,
} from '../setup/types.js'
import { addAbout, describeCertificate, describeId, describeRequest } from './embedded.js'

export interface Body {
  /** One sentence about what the message says. */
  readonly summary: string
  readonly fields: Readonly<Record<string, Json>>
  /** True for what a client sends; undefined for a file that operators exchange. */
  readonly isQuestion?: boolean
}

type Fields = Readonly<Record<string, Json>>
type Introduction = ChildRequest | ParentResponse | PublisherRequest | RepositoryResponse

/** Meaning of the status of an error_response (RFC 6492 section 3.6). */
const STATUS: Readonly<Record<number, string>> = {
  1101: 'already processing a request of the child',
  1102: 'version number error',
  1103: 'unrecognized request type',
  1104: 'the request is scheduled for processing',
  1201: 'no such resource class',
  1202: 'no resources allocated in the resource class',
  1203: 'badly formed certificate request',
  1204: 'the key is used elsewhere',
  1301: 'revocation: no such resource class',
  1302: 'revocation: no such key',
  2001: 'internal server error: not performed',
}

export function describeSetup(message: SetupMessage, at: Instant, findings: FindingList): Body {
  const { kind } = message
  if (kind === 'error')
    return { summary: `the other operator refuses: ${message.reason}`, fields: { kind, reason: message.reason } }
  const { tag, id } = message
  const fields = {
    kind,
    ...setupFields(message, findings),
    ...given({ tag }),
    id: describeId('the ID certificate', id, at, findings),
  }
  return { summary: setupSummary(message), fields }
}

function setupSummary(message: Introduction): string {
  switch (message.kind) {
    case 'child_request':
      return `${quoted(message.childHandle)} asks to become a child`
    case 'parent_response':
      return `${quoted(message.parentHandle)} accepts ${quoted(message.childHandle)} as its child${message.offer ? ', and offers to publish for it' : ''}`
    case 'publisher_request':
      return `${quoted(message.publisherHandle)} asks to become a publisher`
    case 'repository_response':
      return `a repository accepts ${quoted(message.publisherHandle)} as a publisher`
  }
}

function setupFields(message: Introduction, findings: FindingList): Fields {
  switch (message.kind) {
    case 'child_request':
      return { childHandle: message.childHandle }
    case 'publisher_request':
      return { publisherHandle: message.publisherHandle, ...referralFields(message.referrals, findings) }
    case 'parent_response': {
      const { parentHandle, childHandle, serviceUri, offer, referrals } = message
      return { parentHandle, childHandle, serviceUri, offer, ...referralFields(referrals, findings) }
    }
    case 'repository_response': {
      const { publisherHandle, serviceUri, siaBase, rrdpNotificationUri } = message
      return { publisherHandle, serviceUri, siaBase, ...given({ rrdpNotificationUri }) }
    }
  }
}

/** The word of a referrer is signed by its ID key, which the file does not have: only its structure can be checked. */
function referralFields(referrals: readonly Referral[], findings: FindingList): Fields {
  if (referrals.length === 0) return {}
  return {
    referrals: referrals.map(({ referrer, contactUri, authorization }) => {
      const { findings: found, signingTime } = describeMessage({ cms: authorization })
      // rpkid's have no CRL, and servers pass them on as they are
      const remarks = found.map((finding) => ({ ...finding, tolerated: true as const }))
      addAbout(`the authorization of ${quoted(referrer)}`, remarks, findings)
      return { referrer, ...given({ contactUri }), signingTime: signingTime ?? null }
    }),
  }
}

export function describeProvisioning(
  { sender, recipient, body }: ProvisioningMessage,
  at: Instant,
  findings: FindingList,
): Body {
  return {
    summary: `${quoted(sender)} ${provisioningWords(body, quoted(recipient))}`,
    fields: { kind: body.type, sender, recipient, ...provisioningFields(body, at, findings) },
    isQuestion: body.type === 'list' || body.type === 'issue' || body.type === 'revoke',
  }
}

function provisioningWords(body: ProvisioningBody, recipient: string): string {
  switch (body.type) {
    case 'list':
      return `asks ${recipient} for its resource classes`
    case 'list_response':
      return `lists ${counted(body.classes.length, 'resource class', 'resource classes')} for ${recipient}`
    case 'issue':
      return `asks ${recipient} for a certificate in class ${quoted(body.className)}, ${limitWords(body.limit)}`
    case 'issue_response':
      return `issues a certificate in class ${quoted(body.class.className)} to ${recipient}`
    case 'revoke':
      return `asks ${recipient} to revoke the key ${body.ski} in class ${quoted(body.className)}`
    case 'revoke_response':
      return `confirms to ${recipient} that the key ${body.ski} in class ${quoted(body.className)} is revoked`
    case 'error_response':
      return `refuses a request of ${recipient}: ${body.status}, ${STATUS[body.status] ?? 'a status that RFC 6492 does not have'}`
  }
}

function limitWords(limit: RequestLimit): string {
  const parts = Object.entries(limit).map(([family, text]) => `${family} ${text === '' ? 'none' : text}`)
  return parts.length === 0 ? 'with all resources of the class' : `limited to ${parts.join(', ')}`
}

function provisioningFields(body: ProvisioningBody, at: Instant, findings: FindingList): Fields {
  switch (body.type) {
    case 'list':
      return {}
    case 'list_response':
      return { classes: body.classes.map((one) => classFields(one, at, findings)) }
    case 'issue_response':
      return { classes: [classFields(body.class, at, findings)] }
    case 'issue':
      return {
        class: body.className,
        limit: { ...body.limit },
        request: describeRequest('the certificate request', body.csr, findings),
      }
    case 'revoke':
    case 'revoke_response':
      return { class: body.className, ski: body.ski }
    case 'error_response':
      return {
        status: body.status,
        meaning: STATUS[body.status] ?? null,
        descriptions: body.descriptions.map(({ text, lang }) => (lang === undefined ? text : `${text} (${lang})`)),
      }
  }
}

function classFields(one: ProvisioningClass, at: Instant, findings: FindingList): Json {
  const { className, certUris, resources, notAfter, suggestedSiaHead, certificates, issuer } = one
  const of = `of class ${quoted(className)}`
  return {
    class: className,
    resources: { ...resources },
    notAfter,
    issuerUris: certUris,
    ...given({ suggestedSiaHead }),
    issuer: describeCertificate(`the issuer's certificate ${of}`, issuer, at, findings),
    certificates: certificates.map((certificate, i) => ({
      uris: certificate.certUris,
      limit: { ...certificate.limit },
      certificate: describeCertificate(`certificate ${i + 1} ${of}`, certificate.der, at, findings),
    })),
  }
}

export function describePublication(message: PublicationMessage, findings: FindingList): Body {
  const { version } = message.kind === 'query' ? message.query : message.reply
  if (version !== undefined)
    findings.tolerate('RFC 8181 section 2.1', `version ${version} of the protocol, that of its drafts, not 4`)
  if (message.kind === 'reply') return { ...describeReply(message.reply), isQuestion: false }
  if (message.query.type === 'list')
    return { summary: 'a publisher asks for the list of its objects', fields: { kind: 'list' }, isQuestion: true }
  const { pdus } = message.query
  checkPdus(pdus, findings)
  const count = (of: (pdu: Pdu) => boolean): number => pdus.filter(of).length
  const added = count((pdu) => pdu.kind === 'publish' && pdu.hash === undefined)
  const replaced = count((pdu) => pdu.kind === 'publish' && pdu.hash !== undefined)
  return {
    summary: `a publisher publishes ${counted(added, 'new object')}, replaces ${replaced} and withdraws ${pdus.length - added - replaced}`,
    fields: { kind: 'delta', pdus: pdus.map(pduFields) },
    isQuestion: true,
  }
}

function checkPdus(pdus: readonly Pdu[], findings: FindingList): void {
  const seen = new Set<string>()
  for (const { uri } of pdus) {
    findings.addAll(checkUri('the URI', uri, ['rsync'], 'RFC 8181 section 2.2'))
    if (seen.has(uri)) findings.add('RFC 8181 section 2.2', `${quoted(uri)} is in the message twice`)
    seen.add(uri)
  }
}

function pduFields(pdu: Pdu): Json {
  const { kind, uri, hash, tag } = pdu
  const content = pdu.kind === 'publish' ? { size: pdu.bytes.length, sha256: sha256Hex(pdu.bytes) } : {}
  return { kind, uri, ...content, ...given({ replaces: hash, tag }) }
}

function describeReply(reply: PublicationReply): Body {
  switch (reply.type) {
    case 'success':
      return { summary: 'the repository has done all that was asked', fields: { kind: 'success' } }
    case 'list':
      return {
        summary: `the repository lists ${counted(reply.objects.length, 'object')}`,
        fields: { kind: 'list', objects: reply.objects.map(({ uri, hash }) => ({ uri, hash })) },
      }
    case 'error': {
      const errors = reply.errors.map(({ code, tag, text, failedPdu }) => ({
        code,
        ...given({ tag, text }),
        ...(failedPdu !== undefined && { failedPdu: pduFields(failedPdu) }),
      }))
      const codes = [...new Set(reply.errors.map(({ code }) => code))].join(', ')
      return { summary: `the repository refuses: ${codes}`, fields: { kind: 'error', errors } }
    }
  }
}

function counted(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`
}
