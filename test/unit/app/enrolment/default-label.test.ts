/** Paths without a label over CGI: the label of the configuration serves them, and its `auth` decides. */
import { expect, it } from 'vitest'
import type { EnrolOptions } from '../../../../src/core/app/enrolment/enrolment-run.js'
import type { EstHandlers } from '../../../../src/core/app/enrolment/est-handlers.js'
import { answerEst } from '../../../../src/core/app/enrolment/est-over-cgi.js'
import type { Session } from '../../../../src/core/app/session/session.js'
import { fromUtf8 } from '../../../../src/core/base/bytes.js'
import { AppError } from '../../../../src/core/base/errors.js'
import { type LabelConfig, NO_ENROLMENT } from '../../../../src/core/config/enrolment/schema.js'
import { type Environment, formatCgi, readCgi } from '../../../../src/core/protocols/cgi.js'

const label = (name: string, auth: LabelConfig['auth']): LabelConfig =>
  ({ name, caId: 'one', profile: 'default', group: undefined, auth, clientCa: undefined }) as LabelConfig
const LABELS = [label('closed', []), label('otp', ['password']), label('other', ['password'])]
const CSR = Uint8Array.of(0x30, 1, 0)

/** Asks for a path with the default label of a configuration. */
async function ask(path: string, defaultLabel: string | undefined, env: Environment = {}) {
  const orders: EnrolOptions[] = []
  const lines: string[] = []
  const body = Buffer.from(Buffer.from(CSR).toString('base64'))
  const post = { CONTENT_TYPE: 'application/pkcs10', CONTENT_LENGTH: String(body.length) }
  const isPost = path.includes('enroll')
  const request = readCgi({
    ...{ REQUEST_METHOD: isPost ? 'POST' : 'GET', PATH_INFO: `/.well-known/est/${path}`, HTTPS: 'on' },
    ...(isPost ? post : {}),
    ...env,
  })
  if (request === undefined) throw new Error('no request')
  const handlers: EstHandlers = {
    caCertificates: async () => [CSR],
    csrAttributes: () => Uint8Array.of(0x30, 0),
    enroll: async (_, order) => {
      orders.push(order)
      return { certificate: CSR }
    },
    checkPassword: () => async (_name, id, secret) => {
      if (secret === 'good') return { how: 'password', name: id }
      throw new AppError('credentials', 'est-password-wrong', 'wrong')
    },
    findKnown: () => async () => undefined,
    compromisedAt: () => async () => undefined,
  }
  const session = { enrolment: { ...NO_ENROLMENT, labels: LABELS, defaultLabel } } as unknown as Session
  const ports = { env: {}, body: async () => body, open: async () => session, log: (line: string) => lines.push(line) }
  const response = await answerEst(request, body, ports, handlers)
  return { response, labels: orders.map((order) => order.label), log: lines.join('\n') }
}
const PASSWORD = { HTTP_AUTHORIZATION: `Basic ${Buffer.from('id7:good').toString('base64')}` }

it('is served by the default label', async () => {
  expect((await ask('cacerts', 'otp')).response.status).toBe(200)
  const { response, labels } = await ask('simpleenroll', 'otp', PASSWORD)
  expect([response.status, labels]).toEqual([200, ['otp']])
})

it('is not found where no default label is set, and the log says so', async () => {
  const { response, log } = await ask('simpleenroll', undefined, PASSWORD)
  expect([response.status, log]).toEqual([404, expect.stringContaining('default_label')])
})

it('needs what the default label needs, and a label in the path wins', async () => {
  expect((await ask('cacerts', 'closed')).response.status).toBe(403)
  expect((await ask('other/simpleenroll', 'otp', PASSWORD)).labels).toEqual(['other'])
})

it('asks for a password with a 401 that has no body', async () => {
  const { response } = await ask('simpleenroll', 'otp')
  expect([response.status, response.body]).toEqual([401, ''])
  expect(fromUtf8(formatCgi(response))).toMatch(
    /^Status: 401 Unauthorized\r\nWWW-Authenticate: Basic [\s\S]*Content-Length: 0\r\n/,
  )
})
