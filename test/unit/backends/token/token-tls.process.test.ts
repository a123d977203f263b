/** A CA behind TLS, whose client key lies in a token. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { failureOf } from '../../../../src/core/backends/token/token-tls-failures.js'
import { addSeconds } from '../../../../src/core/base/time.js'
import type { CaConfig } from '../../../../src/core/config/enrolment/schema.js'
import { freePort, peerFiles, silentPort, tlsLeaf } from '../../../support/peers/ca-peer.js'
import { DogtagPeer } from '../../../support/peers/dogtag-peer.js'
import { OpensslBox } from '../../../support/peers/requests.js'
import { PIN, SoftHsm } from '../../../support/peers/softhsm.js'
import {
  absentForTls,
  absentForTokens,
  buildShim,
  buildTokenProgram,
  ShimmedHsm,
} from '../../../support/peers/token-program.js'
import { missing } from '../../../support/processes/missing.js'
import { describeContract, faultOf, lockFolder, NOW, opened, PROFILE, patient } from '../contract.js'

/** Waits until openssl s_server says that it listens. */
async function accepting(output: Readable): Promise<void> {
  let text = ''
  while (!text.includes('ACCEPT')) {
    const [part] = await once(output, 'data')
    text += String(part)
  }
}

describe('what openssl says', () => {
  it.each([
    [
      '40F7:error:80:system library:BIO_connect:Connection refused:x.c:1:calling connect()\nconnect:errno=111\n',
      'ECONNREFUSED',
    ],
    ['BIO_lookup_ex:system lib:../x.c:1:Name or service not known\nconnect:errno=0', 'ENOTFOUND'],
    ['verify error:num=10:certificate has expired\n', 'CERT_HAS_EXPIRED'],
    ['verify error:num=62:hostname mismatch\n', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['verify error:num=99:novel\n', 'CERT_99'],
    [
      'CONNECTION ESTABLISHED\n40:error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:../x.c:1:SSL alert number 116\n',
      'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
    ],
    ['40:error:0A000126:SSL routines:ssl3_read_n:unexpected eof while reading:../x.c:1:\n', 'ECONNRESET'],
    ['40:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../x.c:1:\n', 'ERR_SSL_WRONG_VERSION_NUMBER'],
  ])('is told in the codes of Node: %s', (told, code) => {
    expect(failureOf(told)).toMatchObject({ kind: 'connection', error: { code } })
  })

  it('of its engine is told as such', () => {
    const told =
      'Invalid engine "pkcs11"\n40:error:12800067:DSO support routines:dlfcn_load:could not load the shared library:../x.c:1:\n'
    expect(failureOf(told)).toMatchObject({ kind: 'engine', text: 'could not load the shared library' })
    expect(failureOf('CONNECTION ESTABLISHED\nVerification: OK\n')).toBeUndefined()
  })
})

const box = new OpensslBox()
const absent = absentForTokens() ?? absentForTls()
const shim = absent === undefined ? buildShim(box.dir) : undefined
afterAll(() => {
  box.remove()
  rmSync(lockFolder, { recursive: true, force: true })
})

if (shim === undefined)
  it('uses a client key in a token', (context) => {
    missing(context, absent ?? 'cc')
  })
else {
  process.env['BRINE_TEST_TOKEN_PROGRAM'] = buildTokenProgram(box.dir)
  const hsm = new SoftHsm(box)
  const shimmed = new ShimmedHsm(shim, box.dir)
  const files = peerFiles(box, 'hsm')
  const strange = box.ca('strange')
  const stranger = tlsLeaf(box, strange, 'stranger')
  const peer = new DogtagPeer(files, PROFILE)
  const { server } = peer
  const csr = box.request({ san: 'DNS:a.example' })
  hsm.token('HSM token')
  hsm.put('HSM token', files.client.key, 'ra-key', '01')
  hsm.put('HSM token', stranger.key, 'stranger', '02')
  const pinFile = hsm.pinFile('pin')
  type Dogtag = Extract<CaConfig, { backend: 'dogtag' }>
  let config: Dogtag

  beforeAll(async () => {
    config = {
      id: 'remote',
      backend: 'dogtag',
      url: await server.listen(),
      caCert: files.ca.cert,
      tlsCa: files.tlsCa,
      authCert: files.client.cert,
      authKey: 'pkcs11:token=HSM%20token;object=ra-key',
      authModule: shim,
      authPinFile: pinFile,
      profile: undefined,
      autoApprove: false,
      probeProfile: undefined,
    }
  })
  beforeEach(() => shimmed.forget())
  afterEach(() => {
    server.knob = undefined
    shimmed.fail()
    rmSync(lockFolder, { recursive: true, force: true })
  })
  afterAll(() => server.close())

  const probe = async (changed: Partial<Dogtag> = {}, signal = patient()) =>
    (await opened({ ...config, ...changed })).probe(signal)
  const told = async (promise: Promise<unknown>) => {
    const { outcome, code, message } = await faultOf(promise)
    return { what: `${outcome} ${code}`, message }
  }

  describeContract(
    'dogtag, with a key in a token',
    () => ({
      config,
      caCert: readFileSync(files.ca.cert),
      requests: () => server.requests,
      csr,
      expired: addSeconds(NOW, 3651 * 86_400),
      incomplete: { ...config, authModule: box.path('nowhere.so') },
      broken: { ...config, probeProfile: 'nowhere' },
    }),
    () => {
      server.knob = 'hang'
    },
  )

  describe('a client key in a token', () => {
    it('makes the server see who asks', async () => {
      await probe()
      expect(server.asked.at(-1)?.client).toBe('ra-agent')
    })

    it('takes library and PIN from the URI or the environment too', async () => {
      const query = `?module-path=${shim}&pin-source=${pinFile}`
      await probe({ authKey: `${config.authKey}${query}`, authModule: undefined, authPinFile: undefined })
      process.env['TOKEN_PIN'] = PIN
      try {
        await probe({ authPinFile: undefined, authPinEnv: 'TOKEN_PIN' })
      } finally {
        delete process.env['TOKEN_PIN']
      }
      expect(shimmed.calls('inherited')).toBe(0)
    })

    it('is the operator’s affair where it is not as configured, and then nobody is asked', async () => {
      const before = server.requests
      for (const [changed, what] of [
        [{ authKey: 'pkcs11:token=HSM%20token;object=stranger' }, 'config-fault ca-key-mismatch'],
        [{ authKey: 'pkcs11:token=HSM%20token;object=nobody' }, 'config-fault ca-key-absent'],
        [{ authModule: undefined }, 'config-fault ca-module-missing'],
        [{ authPinFile: undefined }, 'config-fault ca-pin-missing'],
        [{ authKey: 'pkcs11:token=other' }, 'ca-fault ca-token-absent'],
      ] as const)
        expect((await told(probe(changed))).what).toBe(what)
      expect(server.requests).toBe(before)
    })

    it('is the operator’s affair where the engine is not installed', async () => {
      process.env['OPENSSL_ENGINES'] = box.dir
      try {
        const fault = await told(probe())
        expect([fault.what, fault.message]).toEqual([
          'config-fault ca-token-engine',
          expect.stringContaining('libengine-pkcs11-openssl'),
        ])
      } finally {
        delete process.env['OPENSSL_ENGINES']
      }
    })

    it('is asked with a wrong PIN once, and by nobody else', async () => {
      const authPinFile = hsm.pinFile('wrong', '9753135')
      for (let n = 0; n < 3; n++) {
        const fault = await told(probe({ authPinFile }))
        expect(fault.what).toBe('config-fault ca-pin-refused')
        expect(fault.message).not.toContain('9753135')
      }
      expect(shimmed.calls('C_Login')).toBe(1)
    })

    it('of whom the server does not know is refused as such', async () => {
      const changed = { authCert: stranger.cert, authKey: 'pkcs11:token=HSM%20token;object=stranger' }
      expect((await told(probe(changed))).what).toBe('config-fault ca-client-refused')
    })

    it('is refused by TLS itself where the server is strict, and that is told', async () => {
      const port = await freePort()
      const { cert, key } = files.server
      const trust = ['-CAfile', files.tlsCa, '-Verify', '3', '-verify_return_error']
      const args = ['s_server', '-accept', `127.0.0.1:${port}`, '-www', '-cert', cert, '-key', key, ...trust]
      const strict = spawn('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] })
      const changed = { authCert: stranger.cert, authKey: 'pkcs11:token=HSM%20token;object=stranger' }
      try {
        // its first line comes before it listens
        await accepting(strict.stdout)
        const url = `https://127.0.0.1:${port}`
        for (let n = 0; n < 3; n++)
          expect((await told(probe({ ...changed, url }))).what).toBe('config-fault ca-client-refused')
        expect((await told(probe({ url }))).what).not.toContain('config-fault ca-client')
      } finally {
        strict.kill('SIGKILL')
      }
    })

    it('is not shown to a server that is another', async () => {
      const fault = await told(probe({ tlsCa: strange.cert }))
      expect(fault.what).toBe('ca-fault ca-tls')
      expect(shimmed.calls('C_Login')).toBe(0)
    })

    it('leaves the token free while a server hangs, is away or refuses', async () => {
      const silent = await silentPort()
      try {
        const what = await told(probe({ url: silent.url }, AbortSignal.timeout(400)))
        expect(what.what).toBe('ca-fault ca-timeout')
      } finally {
        silent.close()
      }
      const gone = await told(probe({ url: `https://127.0.0.1:${await freePort()}` }))
      expect([gone.what, gone.message]).toEqual(['ca-fault ca-unreachable', expect.stringContaining('refused')])
      expect(shimmed.calls('C_Login')).toBe(0)
    })

    it.each(['reset', 'half-body', 'html-500', 'redirect', 'nothing'] as const)(
      'tells a server that answers so: %s',
      async (knob) => {
        server.knob = knob
        expect((await faultOf(probe())).outcome).toBe('ca-fault')
      },
    )
  })
}
