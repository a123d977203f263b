/**
 * Requests at Dogtag: submitted with a profile, reviewed by an agent, fetched when they are complete.
 * Invariant: once a request has its number at the CA, its outcome is never unknown, since the number identifies it.
 */

import { quoted } from '../../base/text.js'
import { BackendFault, type Issued } from '../../ha/backend.js'
import { certificatesOf } from '../../pki/certificate.js'
import { configFault } from '../files.js'
import { garbled, type HttpResponse, jsonOf, requestFault } from '../http-faults.js'
import { filledForm, isObject, type JsonObject, listOf } from './forms.js'
import type { DogtagSession } from './session.js'

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
  const template = await profileForm(session, profile)
  const response = await session.post('/certrequests', JSON.stringify(filledForm(template, csr)), true)
  return standingOf(response, listOf(jsonOf(response)['entries'])[0])
}

/**
 * Returns the form of a profile. Throws a BackendFault; as `config-fault` if the CA refuses the name, which is from the configuration:
 * status 400 before version 11, 404 since.
 */
export async function profileForm(session: DogtagSession, profile: string): Promise<JsonObject> {
  const response = await session
    .get(`/certrequests/profiles/${encodeURIComponent(profile)}`)
    .catch((error: unknown) => {
      if (error instanceof BackendFault && error.outcome === 'request-fault')
        throw configFault('ca-profile-unknown', `profile ${profile}: ${error.message}`, error)
      throw error
    })
  return jsonOf(response)
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
  const found = isObject(value) ? value : {}
  const text = (name: string): string | undefined => textOf(found[name])
  // version 10 has no number but the URL of the request, whose last part it is; older servers use camel case
  const id = text('requestID') ?? text('requestId') ?? numberIn(text('requestURL'))
  const status = text('requestStatus')
  if (id === undefined || status === undefined)
    throw garbled(response, 'the response has no request number or requestStatus')
  const certId = text('certId') ?? text('certID') ?? numberIn(text('certURL'))
  return { response, id, status, certId, error: text('errorMessage') ?? text('operationResult') ?? '' }
}

/** Returns a member as text; undefined for a number that JavaScript has rounded. */
function textOf(member: unknown): string | undefined {
  if (typeof member === 'string') return member
  return typeof member === 'number' && Number.isSafeInteger(member) ? String(member) : undefined
}

/** Returns the number of a request or certificate, decimal or hex, at the end of its URL. */
function numberIn(url: string | undefined): string | undefined {
  return /\/(0x[0-9a-f]{1,40}|\d{1,40})\/?$/i.exec(url ?? '')?.[1]
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
    case 'begin':
    case 'approved':
    case 'svc_pending':
      if (!approve || status !== 'pending') return { outcome: 'pending', reference: id, retryAfter: LOOK_AGAIN }
      return approvedBy(session, id)
    case 'rejected':
    case 'canceled':
      throw requestFault('ca-refused-request', response, `request ${id} is ${status}: ${quoted(error, 160)}`)
    default:
      throw garbled(response, `request ${id} is ${quoted(status)}`)
  }
}

/** Approves a request and returns its outcome. A refused approval leaves it pending, since another agent may still approve it. */
async function approvedBy(session: DogtagSession, id: string): Promise<Issued> {
  const path = `/agent/certrequests/${encodeURIComponent(id)}`
  try {
    // the review is sent back unchanged: its nonce is a number that JavaScript would round
    const review = await session.get(path)
    jsonOf(review)
    await session.post(`${path}/approve`, review.body.toString('utf8'))
  } catch (error) {
    const isRefused =
      error instanceof BackendFault && (error.outcome === 'request-fault' || error.outcome === 'config-fault')
    if (!isRefused) throw error
    const message = `it could not be approved here: ${error.message}`
    return { outcome: 'pending', reference: id, retryAfter: LOOK_AGAIN, message }
  }
  return proceed(session, await standing(session, id), false)
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
