/** EST over CGI without a server: who is let in, what each failure is told as, and that a client's headers change nothing. */
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { answerCgi } from '../../../../src/core/app/cgi/cgi.js'
import { fromUtf8 } from '../../../../src/core/base/bytes.js'
import { AppError, type ErrorKind, rejection } from '../../../../src/core/base/errors.js'
import { BackendFault } from '../../../../src/core/ha/backend.js'
import { certificatesOf } from '../../../../src/core/pki/certificate.js'
import { readCertsOnly } from '../../../../src/core/pki/certs-only.js'
import { type Environment, formatCgi } from '../../../../src/core/protocols/cgi.js'
import {
  type Asked,
  ask,
  basic,
  box,
  client,
  clients,
  csr,
  device,
  NOW,
  otherBox,
  shown,
  strangers,
  twin,
} from './est-asker.js'

afterAll(() => {
  box.remove()
  otherBox.remove()
})

describe('a label', () => {
  it.each(['cacerts', 'csrattrs', 'simpleenroll', 'simplereenroll'])(
    'that does not say who may enrol refuses %s',
    async (operation) => {
      const { response, orders } = await ask(`closed/${operation}`, { ...shown(device), ...basic('a', 'good') })
      expect([response.status, orders]).toEqual([403, []])
    },
  )

  it('that is not there is not found, whoever asks', async () => {
    expect((await ask('none/simpleenroll', shown(device))).response.status).toBe(404)
  })

  it('tells its CAs and what a request holds to everybody', async () => {
    const { response } = await ask('otp/cacerts')
    expect(response).toMatchObject({ status: 200, headers: { 'Content-Type': 'application/pkcs7-mime' } })
    expect(readCertsOnly(new Uint8Array(Buffer.from(String(response.body), 'base64')))).toHaveLength(2)
    expect((await ask('otp/csrattrs')).response).toMatchObject({ status: 204, body: '' })
    const some = await ask('otp/csrattrs', {}, { csrAttributes: () => Uint8Array.of(0x30, 2, 5, 0) })
    expect(some.response).toMatchObject({
      status: 200,
      headers: { 'Content-Type': 'application/csrattrs' },
      body: 'MAIFAA==\r\n',
    })
  })
})

describe('simpleenroll', () => {
  it('makes a certificate for the client certificate of the named CA, whatever the base64 looks like', async () => {
    const lines =
      Buffer.from(csr)
        .toString('base64')
        .match(/.{1,64}/g)
        ?.join('\r\n') ?? ''
    const pem = (label: string): Buffer =>
      Buffer.from(`-----BEGIN ${label}-----\r\n${lines}\r\n-----END ${label}-----\r\n`)
    const pems = [pem('CERTIFICATE REQUEST'), pem('NEW CERTIFICATE REQUEST')]
    const text = Buffer.concat([Buffer.from('Certificate Request:\n    Data:\n'), pem('CERTIFICATE REQUEST')])
    for (const body of [Buffer.from(lines), Buffer.from(lines.replaceAll('\r\n', '')), csr, ...pems, text]) {
      const { response, orders } = await ask('cert/simpleenroll', shown(device), { body })
      expect(response.status).toBe(200)
      expect(response.headers['Content-Type']).toBe('application/pkcs7-mime; smime-type=certs-only')
      expect(orders.map(({ by, renews }) => [by, renews])).toEqual([
        [{ how: 'certificate', name: 'CN=device-1' }, undefined],
      ])
      expect(Buffer.from(orders[0]?.csr ?? []).equals(csr)).toBe(true)
    }
  })

  it('makes one for a one-time password, and takes none at a label without them', async () => {
    const { response, orders } = await ask('otp/simpleenroll', basic('id7', 'good'))
    expect([response.status, orders[0]?.by]).toEqual([200, { how: 'password', name: 'id7' }])
    expect((await ask('cert/simpleenroll', basic('id7', 'good'))).response.status).toBe(403)
    expect((await ask('otp/simpleenroll', shown(device))).response.status).toBe(401)
  })

  it('asks for authentication where a password would do, and refuses where none would', async () => {
    for (const env of [{}, basic('id7', 'bad'), { HTTP_AUTHORIZATION: 'Bearer x' }]) {
      const { response, orders } = await ask('both/simpleenroll', env)
      expect([response.status, response.headers['WWW-Authenticate'], response.body, orders]).toEqual([
        401,
        'Basic realm="EST", charset="UTF-8"',
        '',
        [],
      ])
      expect(fromUtf8(formatCgi(response))).toMatch(
        /^Status: 401 Unauthorized\r\n[\s\S]*Content-Length: 0\r\n[\s\S]*\r\n\r\n$/,
      )
    }
    const { response } = await ask('cert/simpleenroll')
    expect([response.status, response.headers['WWW-Authenticate']]).toEqual([403, undefined])
  })

  it.each([
    ['of another CA', () => client(strangers, 'extendedKeyUsage=clientAuth'), 'no CA that is trusted here issued'],
    [
      'of a CA of the same name',
      () => client(twin, 'extendedKeyUsage=clientAuth'),
      'no CA that is trusted here issued',
    ],
    ['that has expired', () => client(clients, 'extendedKeyUsage=clientAuth', -1), 'valid from'],
    ['of a server', () => client(clients, 'extendedKeyUsage=serverAuth'), 'not for client authentication'],
    ['of a CA', () => client(clients, 'basicConstraints=critical,CA:TRUE'), 'not for client authentication'],
    [
      'that only agrees on keys',
      () => client(clients, 'keyUsage=critical,keyAgreement'),
      'not for client authentication',
    ],
    ['whose name breaks a line', () => client(clients, 'extendedKeyUsage=clientAuth', 30, '/CN=a\nb'), ''],
    ['that is none', () => 'nothing', ''],
  ])('refuses a client certificate %s', async (_, pem, why) => {
    const { response, orders, log } = await ask('cert/simpleenroll', shown(pem()))
    expect([response.status, orders]).toEqual([403, []])
    expect(log).toContain(why)
    expect(response.body).not.toContain('/')
  })

  it('refuses a client certificate of ours that was revoked', async () => {
    const { response, orders } = await ask('cert/simpleenroll', shown(device), {
      findKnown: () => async () => ({ label: 'cert', revokedAt: NOW }),
    })
    expect([response.status, orders]).toEqual([403, []])
  })

  it('refuses a client certificate whose key was revoked as compromised with another certificate', async () => {
    const { response, orders, log } = await ask('cert/simpleenroll', shown(device), {
      compromisedAt: () => async () => NOW,
    })
    expect([response.status, orders, log]).toEqual([403, [], expect.stringContaining('as compromised')])
  })

  it('lets a password in where the CA of the clients cannot be read, and nobody by certificate', async () => {
    expect((await ask('lost/simpleenroll', shown(device))).response.status).toBe(401)
    expect((await ask('lost/simpleenroll', { ...shown(device), ...basic('a', 'good') })).response.status).toBe(200)
  })

  it('never believes what the client writes itself', async () => {
    const forged: Environment = {
      HTTP_SSL_CLIENT_VERIFY: 'SUCCESS',
      HTTP_SSL_CLIENT_CERT: encodeURIComponent(device),
      HTTP_X_CLIENT_CERT: device,
      HTTP_X_FORWARDED_PROTO: 'https',
      HTTP_REMOTE_USER: 'id7',
      HTTP_COOKIE: 'auth=1',
      REMOTE_USER: 'id7',
    }
    for (const name of ['cert', 'otp', 'both']) {
      const [plain, lying] = [await ask(`${name}/simpleenroll`), await ask(`${name}/simpleenroll`, forged)]
      expect(lying.response).toEqual(plain.response)
      expect(lying.orders).toEqual([])
    }
    for (const word of ['NONE', '', 'success', 'FAILEDx', '0', undefined])
      expect((await ask('cert/simpleenroll', { ...shown(device), SSL_CLIENT_VERIFY: word })).orders).toEqual([])
  })

  it('verifies a client certificate itself, whatever the web server says of it', async () => {
    const stranger = client(strangers, 'extendedKeyUsage=clientAuth')
    for (const word of ['SUCCESS', 'GENEROUS', 'FAILED:unable to verify the first certificate', 'FAILED']) {
      const env = (pem: string): Environment => ({ ...shown(pem), SSL_CLIENT_VERIFY: word })
      expect((await ask('cert/simpleenroll', env(device))).response.status).toBe(200)
      expect((await ask('cert/simpleenroll', env(stranger))).orders).toEqual([])
      expect((await ask('cert/simplereenroll', env(stranger))).orders).toEqual([])
    }
  })

  it('accepts a client of a CA below that of the label if the chains of the group have it', async () => {
    const below = box.path(box.key())
    box.run('req', '-new', '-key', below, '-subj', '/CN=below', '-out', 'below.csr')
    writeFileSync(box.path('below.ext'), 'basicConstraints=critical,CA:TRUE\n')
    const by = ['-CA', clients.cert, '-CAkey', clients.key, '-extfile', 'below.ext', '-days', '30']
    box.run('x509', '-req', '-in', 'below.csr', ...by, '-out', 'below.pem')
    const ca = { cert: box.path('below.pem'), key: below }
    const env = shown(client(ca, 'extendedKeyUsage=clientAuth'))
    expect((await ask('cert/simpleenroll', env)).response.status).toBe(403)
    const chain = certificatesOf(readFileSync(ca.cert))
    const known = { caCertificates: async () => chain }
    expect((await ask('cert/simpleenroll', env, known)).response.status).toBe(200)
    const broken = { caCertificates: () => Promise.reject(new AppError('credentials', 'est-no-chain', 'no chain')) }
    const { response, log } = await ask('cert/simpleenroll', env, broken)
    expect([response.status, log]).toEqual([403, expect.stringContaining('no chain')])
  })

  it.each<[string, Environment, Uint8Array | undefined, number]>([
    ['another method', { REQUEST_METHOD: 'GET' }, undefined, 405],
    ['another type', { CONTENT_TYPE: 'application/x-www-form-urlencoded' }, undefined, 415],
    ['no type', { CONTENT_TYPE: '' }, undefined, 415],
    ['no length', { CONTENT_LENGTH: '' }, undefined, 411],
    ['a body that is no base64', {}, Buffer.from('{"csr":1}'), 400],
    ['no body', {}, Buffer.alloc(0), 400],
    ['PEM of another kind', {}, Buffer.from('-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n'), 400],
    ['PEM without its end', {}, Buffer.from('-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n'), 400],
    [
      'PEM of nothing',
      {},
      Buffer.from('-----BEGIN CERTIFICATE REQUEST-----\n=\n-----END CERTIFICATE REQUEST-----\n'),
      400,
    ],
  ])('refuses %s', async (_, env, body, status) => {
    const { response, orders } = await ask(
      'cert/simpleenroll',
      { ...shown(device), ...env },
      body === undefined ? {} : { body },
    )
    expect([response.status, orders]).toEqual([status, []])
    if (status === 405) expect(response.headers['Allow']).toBe('POST')
  })
})

describe('simplereenroll', () => {
  const known = (name: string) => ({ findKnown: () => async () => ({ label: name, revokedAt: undefined }) })

  it('renews the certificate of the handshake, at a label of passwords too', async () => {
    for (const name of ['cert', 'otp']) {
      const { response, orders } = await ask(`${name}/simplereenroll`, shown(device), known(name))
      expect([response.status, orders[0]?.by]).toEqual([200, { how: 'certificate', name: 'CN=device-1' }])
      expect(orders[0]?.renews).toBeInstanceOf(Uint8Array)
    }
  })

  it('stays with the label that the certificate was issued with', async () => {
    expect((await ask('cert/simplereenroll', shown(device), known('cert'))).response.status).toBe(200)
    const { response, orders } = await ask('cert/simplereenroll', shown(device), known('otp'))
    expect([response.status, orders]).toEqual([403, []])
  })

  it('takes one that is not on record where its holder could enrol with it, and nowhere else', async () => {
    expect((await ask('cert/simplereenroll', shown(device))).response.status).toBe(200)
    for (const name of ['otp', 'lost']) {
      const { response, orders } = await ask(`${name}/simplereenroll`, shown(device))
      expect([response.status, orders], name).toEqual([403, []])
    }
  })

  it('wants it: a password does not do', async () => {
    const { response, orders } = await ask('both/simplereenroll', basic('id7', 'good'))
    expect([response.status, orders]).toEqual([403, []])
  })
})

describe('a failure', () => {
  const failing = (error: Error): Promise<Asked> =>
    ask('cert/simpleenroll', shown(device), { enroll: () => Promise.reject(error) })

  it('of the request is told to the client', async () => {
    const one = await failing(rejection([{ code: 'csr-ip', message: 'the IP address 10.0.0.1 is asked for' }]))
    expect(one.response).toMatchObject({
      status: 400,
      body: 'The request is refused: the IP address 10.0.0.1 is asked for.\n',
    })
    const two = await failing(
      rejection([
        { code: 'csr-ip', message: 'an IP address' },
        { code: 'csr-dns', message: 'no DNS name' },
      ]),
    )
    expect(two.response.body).toBe('The request is refused: an IP address; no DNS name.\n')
    const mixed = await failing(
      rejection([
        { code: 'csr-ip', message: 'an IP address' },
        { code: 'est-password-spent', message: 'the password id7' },
      ]),
    )
    expect(mixed.response.body).toBe('The request is refused.\n')
    const refused = await failing(new BackendFault('request-fault', 'est-refused', 'https://ca.internal/x says no'))
    expect([refused.response.status, refused.response.body]).toEqual([400, 'The request is refused.\n'])
    expect(refused.log).toContain('ca.internal')
  })

  it.each<[string, AppError, number, string | undefined]>([
    ['pending', new AppError('pending', 'est-pending', 'x', { retryAfter: 1800 }), 202, '1800'],
    ['running', new AppError('rejected', 'est-request-running', 'x'), 202, '5'],
    ['of unknown end', new AppError('rejected', 'est-request-open', 'x'), 409, undefined],
    ['with a spent password', new AppError('rejected', 'est-password-spent', 'x'), 403, undefined],
    ['for names that differ', new AppError('rejected', 'renewal-invalid', 'x'), 403, undefined],
  ])('of a request that is %s has its own status', async (_, error, status, after) => {
    const { response } = await failing(error)
    expect([response.status, response.headers['Retry-After']]).toEqual([status, after])
  })

  const whole = async (error: Error, env: Environment = {}) => {
    const lines: string[] = []
    const octets = await answerCgi({
      env: { REQUEST_METHOD: 'GET', PATH_INFO: '/.well-known/est/cert/cacerts', HTTPS: 'on', ...env },
      body: async () => new Uint8Array(),
      open: () => Promise.reject(error),
      log: (line) => lines.push(line),
    })
    const text = fromUtf8(octets)
    return { text, log: lines.join('\n'), status: Number(/^Status: (\d+)/.exec(text)?.[1]) }
  }

  it.each<[ErrorKind, number]>([
    ['unavailable', 503],
    ['remote', 503],
    ['credentials', 503],
    ['uncertain', 503],
    ['locked', 503],
    ['standby', 503],
    ['io', 503],
    ['corrupt', 503],
    ['usage', 500],
    ['no-data-dir', 500],
    ['format', 500],
    ['internal', 500],
  ])('of the server, %s, is one sentence; the cause goes to the log', async (kind, status) => {
    const { text, log, ...found } = await whole(new AppError(kind, 'some-code', '/var/lib/brine/secret is wrong\n2'))
    expect(found.status).toBe(status)
    expect(text.includes('Retry-After: ')).toBe(status === 503)
    expect(text).not.toMatch(/secret|var|some-code/)
    expect(log).toContain('some-code')
    expect(log).not.toContain('\n')
  })

  it.each(['clock-behind', 'clock-jumped'])('%s is no fault of the client, who asks again later', async (code) => {
    const failing = { enroll: () => Promise.reject(new AppError('rejected', code, 'the clock says')) }
    const refused = await ask('cert/simpleenroll', shown(device), failing).catch((error: unknown) => error)
    expect(refused).toMatchObject({ code })
    const { status, text } = await whole(new AppError('rejected', code, 'the clock says'))
    expect([status, text.includes('Retry-After: '), text.includes('the clock')]).toEqual([503, true, false])
  })

  it('that is a bug is told as one', async () => {
    const { status, text } = await whole(new TypeError('undefined is not a function at /x/y'))
    expect([status, text.includes('/x/y')]).toEqual([500, false])
  })

  it('is answered even where nobody asked', async () => {
    expect((await whole(new Error('x'), { REQUEST_METHOD: undefined })).status).toBe(500)
  })

  it('is no answer to HEAD but its headers', async () => {
    const { text } = await whole(new AppError('corrupt', 'x', 'x'), { REQUEST_METHOD: 'HEAD' })
    expect(text.endsWith('\r\n\r\n')).toBe(true)
  })
})
