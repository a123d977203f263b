/**
 * Requests at Dogtag: submitted with a profile, reviewed by an agent, fetched when they are complete.
 * Invariant: once a request has its number at the CA, its outcome is never unknown, since the number identifies it.
 */

import { quoted } from '../base/text.js'
import { BackendFault, type Issued } from '../ha/backend.js'
import { certificatesOf } from '../pki/certificate.js'
import { pem } from '../pki/pem.js'
import type { DogtagSession } from './dogtag-session.js'
import { garbled, type HttpResponse, jsonOf, requestFault } from './http-faults.js'

/** Seconds until a pending request is polled again. */
const LOOK_AGAIN = 300
/** Seconds until a request is polled again after a failure of the server. */
const TRY_AGAIN = 60

/** Submits the request with a profile; with `approve` the agent approves it if it is pending. Throws a BackendFault. */
export async function submit(
  session: DogtagSession,
  csr: Uint8Array,
  profile: string,
  approve: boolean,
): Promise<Issued> {
  return proceed(session, await submitted(session, csr, profile), approve)
}

/** Completes a request that has a number. A transient failure makes it pending: a later poll by the number gets its outcome. */
export async function submitForGood(
  session: DogtagSession,
  csr: Uint8Array,
  profile: string,
  approve: boolean,
): Promise<Issued> {
  const found = await submitted(session, csr, profile)
  return proceed(session, found, approve).catch((error: unknown) => {
    const isTransient = error instanceof BackendFault && (error.outcome === 'ca-fault' || error.outcome === 'unknown')
    if (isTransient) return { outcome: 'pending', reference: found.id, retryAfter: TRY_AGAIN }
    throw error
  })
}

async function submitted(session: DogtagSession, csr: Uint8Array, profile: string): Promise<Standing> {
  const template = jsonOf(await session.get(`/certrequests/profiles/${encodeURIComponent(profile)}`))
  const response = await session.post('/certrequests', JSON.stringify(filled(template, csr)), true)
  const { entries } = jsonOf(response)
  return standingOf(response, Array.isArray(entries) ? entries[0] : undefined)
}

/** Polls a request and returns its outcome. Throws a BackendFault. */
export async function lookUp(session: DogtagSession, reference: string, approve: boolean): Promise<Issued> {
  if (!/^(?:0x[0-9a-f]{1,40}|\d{1,40})$/i.test(reference))
    throw new BackendFault('request-fault', 'ca-nothing-pending', `not a request number: ${quoted(reference)}`)
  return proceed(session, await standing(session, reference), approve)
}

/** State of a request at Dogtag. */
interface Standing {
  readonly response: HttpResponse
  readonly id: string
  readonly status: string
  readonly certId: string | undefined
  readonly error: string
}

function standingOf(response: HttpResponse, value: unknown): Standing {
  const found = typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
  const text = (name: string): string | undefined => {
    const member = found[name]
    return typeof member === 'string' || typeof member === 'number' ? String(member) : undefined
  }
  // older servers use camel case
  const id = text('requestID') ?? text('requestId')
  const status = text('requestStatus')
  if (id === undefined || status === undefined)
    throw garbled(response, 'the response has no requestID or requestStatus')
  return { response, id, status, certId: text('certId'), error: text('errorMessage') ?? text('operationResult') ?? '' }
}

async function standing(session: DogtagSession, id: string): Promise<Standing> {
  const response = await session.get(`/certrequests/${encodeURIComponent(id)}`).catch((error: unknown) => {
    if (error instanceof BackendFault && error.code === 'ca-url-unknown')
      throw new BackendFault('request-fault', 'ca-nothing-pending', `the CA has no request ${id}: ${error.message}`)
    throw error
  })
  return standingOf(response, jsonOf(response))
}

async function proceed(session: DogtagSession, found: Standing, approve: boolean): Promise<Issued> {
  const { response, id, status, certId, error } = found
  switch (status) {
    case 'complete':
      if (certId === undefined) throw garbled(response, `request ${id} is complete but has no certificate`)
      return { outcome: 'ok', certificate: await fetchCertificate(session, certId) }
    case 'pending':
      if (!approve) return { outcome: 'pending', reference: id, retryAfter: LOOK_AGAIN }
      await approved(session, id)
      return proceed(session, await standing(session, id), false)
    case 'rejected':
    case 'canceled':
      throw requestFault('ca-refused-request', response, `request ${id} is ${status}: ${quoted(error, 160)}`)
    default:
      throw garbled(response, `request ${id} is ${quoted(status)}`)
  }
}

/** Approves a request. The review is sent back unchanged: its nonce is a number that JavaScript would round. */
async function approved(session: DogtagSession, id: string): Promise<void> {
  const path = `/agent/certrequests/${encodeURIComponent(id)}`
  const review = await session.get(path)
  jsonOf(review)
  await session.post(`${path}/approve`, review.body.toString('utf8'))
}

async function fetchCertificate(session: DogtagSession, id: string): Promise<Uint8Array> {
  const response = await session.get(`/certs/${encodeURIComponent(id)}`).catch((error: unknown) => {
    if (error instanceof BackendFault && error.code === 'ca-url-unknown')
      throw new BackendFault(
        'ca-fault',
        'ca-certificate-gone',
        `the CA issued ${id} but does not return it: ${error.message}`,
      )
    throw error
  })
  const { Encoded } = jsonOf(response)
  const [der] = typeof Encoded === 'string' ? certificatesOf(Buffer.from(Encoded)) : []
  if (der === undefined) throw garbled(response, 'the response has no certificate')
  return der
}

type Member = Record<string, unknown>

/** Fills the request into the form of the profile, whose fields differ from profile to profile. */
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
