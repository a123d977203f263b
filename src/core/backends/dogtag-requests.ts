/**
 * Requests at Dogtag: submitted by a profile, reviewed by an agent, fetched when they are complete.
 * Invariant: once the CA has given a request its number nothing is unknown any more: the number finds it again.
 */

import { quoted } from '../base/text.js'
import { BackendFault, type Issued } from '../ha/backend.js'
import { certificatesOf } from '../pki/certificate.js'
import { pem } from '../pki/pem.js'
import type { DogtagSession } from './dogtag-session.js'
import { type Answer, garbled, jsonOf, requestFault } from './http-faults.js'

/** Seconds after which somebody may have looked at it. */
const LOOK_AGAIN = 300
/** Seconds after which a server that failed may be back. */
const TRY_AGAIN = 60

/** Submits the request by a profile; `approve`: an agent approves it where it waits. Throws a BackendFault. */
export async function submit(
  session: DogtagSession,
  csr: Uint8Array,
  profile: string,
  approve: boolean,
): Promise<Issued> {
  return proceed(session, await submitted(session, csr, profile), approve)
}

/** As `submit`, but what fails once the request has a number is pending: whoever asks again by it gets what became of it. */
export async function submitForGood(
  session: DogtagSession,
  csr: Uint8Array,
  profile: string,
  approve: boolean,
): Promise<Issued> {
  const found = await submitted(session, csr, profile)
  return proceed(session, found, approve).catch((error: unknown) => {
    const isLost = error instanceof BackendFault && (error.outcome === 'ca-fault' || error.outcome === 'unknown')
    if (isLost) return { outcome: 'pending', reference: found.id, retryAfter: TRY_AGAIN }
    throw error
  })
}

async function submitted(session: DogtagSession, csr: Uint8Array, profile: string): Promise<Standing> {
  const template = jsonOf(await session.get(`/certrequests/profiles/${encodeURIComponent(profile)}`))
  const answer = await session.post('/certrequests', JSON.stringify(filled(template, csr)), true)
  const { entries } = jsonOf(answer)
  return standingOf(answer, Array.isArray(entries) ? entries[0] : undefined)
}

/** What became of a request. Throws a BackendFault. */
export async function lookUp(session: DogtagSession, reference: string, approve: boolean): Promise<Issued> {
  if (!/^(?:0x[0-9a-f]{1,40}|\d{1,40})$/i.test(reference))
    throw new BackendFault('request-fault', 'ca-nothing-pending', `no number of a request: ${quoted(reference)}`)
  return proceed(session, await standing(session, reference), approve)
}

/** What Dogtag says of a request. */
interface Standing {
  readonly answer: Answer
  readonly id: string
  readonly status: string
  readonly certId: string | undefined
  readonly error: string
}

function standingOf(answer: Answer, value: unknown): Standing {
  const found = typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
  const text = (name: string): string | undefined => {
    const member = found[name]
    return typeof member === 'string' || typeof member === 'number' ? String(member) : undefined
  }
  // older servers write it in camel case
  const id = text('requestID') ?? text('requestId')
  const status = text('requestStatus')
  if (id === undefined || status === undefined) throw garbled(answer, 'an answer without requestID and requestStatus')
  return { answer, id, status, certId: text('certId'), error: text('errorMessage') ?? text('operationResult') ?? '' }
}

async function standing(session: DogtagSession, id: string): Promise<Standing> {
  const answer = await session.get(`/certrequests/${encodeURIComponent(id)}`).catch((error: unknown) => {
    if (error instanceof BackendFault && error.code === 'ca-url-unknown')
      throw new BackendFault('request-fault', 'ca-nothing-pending', `the CA knows no request ${id}: ${error.message}`)
    throw error
  })
  return standingOf(answer, jsonOf(answer))
}

async function proceed(session: DogtagSession, found: Standing, approve: boolean): Promise<Issued> {
  const { answer, id, status, certId, error } = found
  switch (status) {
    case 'complete':
      if (certId === undefined) throw garbled(answer, `request ${id} is complete and has no certificate`)
      return { outcome: 'ok', certificate: await fetchCertificate(session, certId) }
    case 'pending':
      if (!approve) return { outcome: 'pending', reference: id, retryAfter: LOOK_AGAIN }
      await approved(session, id)
      return proceed(session, await standing(session, id), false)
    case 'rejected':
    case 'canceled':
      throw requestFault('ca-refused-request', answer, `request ${id} is ${status}: ${quoted(error, 160)}`)
    default:
      throw garbled(answer, `request ${id} is ${quoted(status)}`)
  }
}

/** The review goes back as it came: its nonce is a number that JavaScript would round. */
async function approved(session: DogtagSession, id: string): Promise<void> {
  const path = `/agent/certrequests/${encodeURIComponent(id)}`
  const review = await session.get(path)
  jsonOf(review)
  await session.post(`${path}/approve`, review.body.toString('utf8'))
}

async function fetchCertificate(session: DogtagSession, id: string): Promise<Uint8Array> {
  const answer = await session.get(`/certs/${encodeURIComponent(id)}`).catch((error: unknown) => {
    if (error instanceof BackendFault && error.code === 'ca-url-unknown')
      throw new BackendFault(
        'ca-fault',
        'ca-certificate-gone',
        `the CA made ${id} and does not give it: ${error.message}`,
      )
    throw error
  })
  const { Encoded } = jsonOf(answer)
  const [der] = typeof Encoded === 'string' ? certificatesOf(Buffer.from(Encoded)) : []
  if (der === undefined) throw garbled(answer, 'an answer without a certificate')
  return der
}

type Member = Record<string, unknown>

/** The profile's own form with the request in it: which fields there are differs from profile to profile. */
function filled(template: Readonly<Member>, csr: Uint8Array): Member {
  const values: Readonly<Record<string, string>> = {
    cert_request_type: 'pkcs10',
    cert_request: pem('CERTIFICATE REQUEST', csr),
    requestor_name: 'brine',
    requestor_email: '',
    requestor_phone: '',
  }
  const listOf = (value: unknown): readonly Member[] =>
    Array.isArray(value) ? value.filter((item): item is Member => typeof item === 'object' && item !== null) : []
  const Input = listOf(template['Input']).map((input) => ({
    ...input,
    Attribute: listOf(input['Attribute']).map((attribute) => {
      const value = values[String(attribute['name'])]
      return value === undefined ? attribute : { ...attribute, Value: value }
    }),
  }))
  return { ...template, Input }
}
