/** Asks for EST over CGI without a server: labels, certificates of clients, and stand-ins for the use cases. */
import { readFileSync, writeFileSync } from 'node:fs'
import type { EnrolOptions } from '../../../../src/core/app/enrolment/enrolment-run.js'
import type { EstHandlers } from '../../../../src/core/app/enrolment/est-handlers.js'
import { answerEst } from '../../../../src/core/app/enrolment/est-over-cgi.js'
import type { CgiPorts } from '../../../../src/core/app/http/cgi-ports.js'
import type { Session } from '../../../../src/core/app/session/session.js'
import { AppError } from '../../../../src/core/base/errors.js'
import { addSeconds, type Instant } from '../../../../src/core/base/time.js'
import { type LabelConfig, NO_ENROLMENT } from '../../../../src/core/config/enrolment/schema.js'
import { type Environment, type HttpResponse, readCgi } from '../../../../src/core/protocols/cgi.js'
import { OpensslBox } from '../../../support/peers/requests.js'

export const box = new OpensslBox()

export const NOW = new Date().toISOString().replace(/\.\d+/, '') as Instant
export const clients = box.ca('clients')
export const strangers = box.ca('strangers')
/** Another key under the same name. */
export const otherBox = new OpensslBox()
export const twin = otherBox.ca('clients')
export const csr = box.request()

/** A certificate of a CA for a client, PEM. */
export function client(
  ca: { readonly cert: string; readonly key: string },
  extensions: string,
  days = 30,
  subject = '/CN=device-1',
): string {
  box.run('req', '-new', '-utf8', '-key', box.key(), '-subj', subject, '-out', 'client.csr')
  writeFileSync(box.path('client.ext'), extensions)
  const by = ['-CA', ca.cert, '-CAkey', ca.key, '-extfile', 'client.ext', '-days', String(days)]
  box.run('x509', '-req', '-in', 'client.csr', ...by, '-out', 'client.pem')
  return readFileSync(box.path('client.pem'), 'utf8')
}
export const device = client(clients, 'extendedKeyUsage=clientAuth')

const label = (name: string, auth: LabelConfig['auth'], clientCa?: string): LabelConfig => ({
  ...{ name, caId: 'one', profile: 'default', group: undefined },
  auth,
  clientCa,
})
const LABELS = [
  label('closed', []),
  label('cert', ['certificate'], clients.cert),
  label('otp', ['password']),
  label('both', ['certificate', 'password'], clients.cert),
  label('lost', ['certificate', 'password'], box.path('nowhere.pem')),
]
const session = { enrolment: { ...NO_ENROLMENT, labels: LABELS }, now: () => addSeconds(NOW, 60) } as unknown as Session

export interface Asked {
  readonly response: HttpResponse
  readonly orders: readonly EnrolOptions[]
  readonly log: string
}

export async function ask(
  path: string,
  env: Environment = {},
  changes: Partial<EstHandlers> & { readonly body?: Uint8Array } = {},
): Promise<Asked> {
  const orders: EnrolOptions[] = []
  const lines: string[] = []
  const body = changes.body ?? Buffer.from(Buffer.from(csr).toString('base64'))
  const isPost = path.includes('enroll')
  const post = { CONTENT_TYPE: 'application/pkcs10', CONTENT_LENGTH: String(body.length) }
  const request = readCgi({
    ...{ REQUEST_METHOD: isPost ? 'POST' : 'GET', PATH_INFO: `/.well-known/est/${path}`, HTTPS: 'on' },
    ...(isPost ? post : {}),
    ...env,
  })
  if (request === undefined) throw new Error('no request')
  const duties: EstHandlers = {
    caCertificates: async () => [csr, csr],
    csrAttributes: () => Uint8Array.of(0x30, 0),
    enroll: async (_, order) => {
      orders.push(order)
      return { certificate: csr }
    },
    checkPassword: () => async (name, id, secret) => {
      if (name === 'broken') throw new AppError('corrupt', 'x', 'x')
      if (secret === 'good') return { how: 'password', name: id }
      throw new AppError('credentials', 'est-password-wrong', 'wrong')
    },
    findKnown: () => async () => undefined,
    compromisedAt: () => async () => undefined,
    ...changes,
  }
  const ports: CgiPorts = {
    env: {},
    body: async () => body,
    open: async () => session,
    log: (line) => lines.push(line),
  }
  const response = await answerEst(request, body, ports, duties)
  return { response, orders, log: lines.join('\n') }
}

export const basic = (user: string, password: string): Environment => ({
  HTTP_AUTHORIZATION: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
})
export const shown = (pem: string): Environment => ({ SSL_CLIENT_VERIFY: 'SUCCESS', SSL_CLIENT_CERT: pem })
