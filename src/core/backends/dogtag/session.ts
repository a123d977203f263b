/**
 * A session with the REST API of Dogtag: version 2 if the server has it, otherwise version 1.
 * Invariant: nonces belong to the session at the server, so every request between login and logout has its cookie.
 */
import { quoted } from '../../base/text.js'
import { BackendFault } from '../../ha/backend.js'
import type { Ask, HttpQuery } from '../http.js'
import { type HttpResponse, requestFault, statusFault, tryJson } from '../http-faults.js'
import { isObject } from './forms.js'

export interface DogtagSession {
  /** Roles of the user that logged in; empty if the server does not say. */
  readonly roles: readonly string[]
  /** Sends a GET; the path is below the base of the API. Throws a BackendFault for any status other than 2xx. */
  get(path: string): Promise<HttpResponse>
  /** Sends a POST; `body` is JSON text. Throws as `get` does. */
  post(path: string, body: string, issues?: boolean): Promise<HttpResponse>
}

const UNUSABLE_FORM = /Unable to create enrollment request: (?:Subject Name|Unknown Certificate Request|Invalid)/
const BASES = ['/ca/v2', '/ca/rest'] as const

/** Logs in with the client certificate, runs `use` and logs out. Throws a BackendFault. */
export async function withSession<T>(
  ask: Ask,
  signal: AbortSignal,
  use: (session: DogtagSession) => Promise<T>,
): Promise<T> {
  const { base, cookie, roles } = await login(ask, signal)
  const send = (query: Omit<HttpQuery, 'signal' | 'headers'>): Promise<HttpResponse> =>
    exchange(ask, { ...query, path: `${base}${query.path}`, signal }, cookie)
  try {
    return await use({
      roles,
      get: (path) => send({ method: 'GET', path }),
      post: (path, body, issues = false) => send({ method: 'POST', path, body, issues }),
    })
  } finally {
    // a failed logout changes nothing: the session at the server expires
    await send({ method: 'GET', path: '/account/logout' }).catch(() => undefined)
  }
}

interface Login {
  readonly base: string
  readonly cookie: string
  readonly roles: readonly string[]
}

async function login(ask: Ask, signal: AbortSignal): Promise<Login> {
  for (const base of BASES) {
    const query: HttpQuery = { method: 'GET', path: `${base}/account/login`, signal }
    const response = await exchange(ask, query, '').catch((error: unknown) => {
      const isOlder = base === '/ca/v2' && error instanceof BackendFault && error.code === 'ca-url-unknown'
      if (isOlder) return undefined
      throw error
    })
    if (response !== undefined) return { base, cookie: cookieOf(response), roles: rolesIn(response) }
  }
  throw new TypeError('the last base returns or throws')
}

/** Reads `Roles`: a list, an object with the member `Role`, and either may be one text. */
function rolesIn(response: HttpResponse): readonly string[] {
  const roles = tryJson(response)?.['Roles']
  const inner = isObject(roles) ? roles['Role'] : roles
  return (Array.isArray(inner) ? inner : [inner]).filter((role) => typeof role === 'string')
}

function cookieOf({ headers }: HttpResponse): string {
  return (headers['set-cookie'] ?? []).map((cookie) => cookie.split(';')[0]).join('; ')
}

async function exchange(ask: Ask, query: HttpQuery, cookie: string): Promise<HttpResponse> {
  const headers = {
    Accept: 'application/json',
    ...(query.body !== undefined && { 'Content-Type': 'application/json' }),
    ...(cookie !== '' && { Cookie: cookie }),
  }
  const response = await ask({ ...query, headers })
  if (response.status >= 200 && response.status < 300) return response
  // PKIException has a message; Tomcat itself responds in HTML
  const message = tryJson(response)?.['Message']
  const detail = typeof message === 'string' ? quoted(message, 160) : undefined
  // 409: this CA is disabled at its server
  if (response.status === 409)
    throw new BackendFault(
      'ca-fault',
      'ca-error',
      `${response.where}: status 409${detail === undefined ? '' : `: ${detail}`}`,
    )
  // a form that the profile cannot use is answered with 500, but the CA works
  if (response.status === 500 && UNUSABLE_FORM.test(detail ?? ''))
    throw requestFault('ca-refused-request', response, `status 500: ${detail}`)
  throw statusFault(response, detail)
}
