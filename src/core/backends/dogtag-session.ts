/**
 * A session with Dogtag's REST API: version 2 where the server has it, else version 1.
 * Invariant: nonces live in the server's session, so everything between login and logout carries its cookie.
 */
import { quoted } from '../base/text.js'
import { BackendFault } from '../ha/backend.js'
import type { Ask, HttpQuery } from './http.js'
import { type Answer, statusFault, tryJson } from './http-faults.js'

export interface DogtagSession {
  /** Path below the API's base. Throws a BackendFault for every status but 2xx. */
  get(path: string): Promise<Answer>
  /** `body` is JSON already. Throws as `get` does. */
  post(path: string, body: string, issues?: boolean): Promise<Answer>
}

const BASES = ['/ca/v2', '/ca/rest'] as const

/** Logs in by the client certificate, lends the session to `use` and logs out. Throws a BackendFault. */
export async function withSession<T>(
  ask: Ask,
  signal: AbortSignal,
  use: (session: DogtagSession) => Promise<T>,
): Promise<T> {
  const { base, cookie } = await login(ask, signal)
  const send = (question: Omit<HttpQuery, 'signal' | 'headers'>): Promise<Answer> =>
    exchange(ask, { ...question, path: `${base}${question.path}`, signal }, cookie)
  try {
    return await use({
      get: (path) => send({ method: 'GET', path }),
      post: (path, body, issues = false) => send({ method: 'POST', path, body, issues }),
    })
  } finally {
    // what was asked for is done or not: a session that stays open ends by itself
    await send({ method: 'GET', path: '/account/logout' }).catch(() => undefined)
  }
}

async function login(ask: Ask, signal: AbortSignal): Promise<{ readonly base: string; readonly cookie: string }> {
  for (const base of BASES) {
    const question: HttpQuery = { method: 'GET', path: `${base}/account/login`, signal }
    const answer = await exchange(ask, question, '').catch((error: unknown) => {
      const isOlder = base === '/ca/v2' && error instanceof BackendFault && error.code === 'ca-url-unknown'
      if (isOlder) return undefined
      throw error
    })
    if (answer !== undefined) return { base, cookie: cookieOf(answer) }
  }
  throw new TypeError('the last base answers or throws')
}

function cookieOf({ headers }: Answer): string {
  return (headers['set-cookie'] ?? []).map((cookie) => cookie.split(';')[0]).join('; ')
}

async function exchange(ask: Ask, question: HttpQuery, cookie: string): Promise<Answer> {
  const headers = {
    Accept: 'application/json',
    ...(question.body !== undefined && { 'Content-Type': 'application/json' }),
    ...(cookie !== '' && { Cookie: cookie }),
  }
  const answer = await ask({ ...question, headers })
  if (answer.status >= 200 && answer.status < 300) return answer
  // PKIException tells its reason; Tomcat itself answers in HTML
  const message = tryJson(answer)?.['Message']
  const said = typeof message === 'string' ? quoted(message, 160) : undefined
  // 409: this CA is switched off at its server
  if (answer.status === 409)
    throw new BackendFault(
      'ca-fault',
      'ca-error',
      `${answer.where}: status 409${said === undefined ? '' : `: ${said}`}`,
    )
  throw statusFault(answer, question.issues === true, said)
}
