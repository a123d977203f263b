/** A CA whose key lies in a token: SoftHSM, behind a library that counts what it is asked and fails as told. */
import { execFileSync, fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { addSeconds } from '../../../../src/core/base/time.js'
import type { CaConfig } from '../../../../src/core/config/enrolment/schema.js'
import { OpensslBox } from '../../../support/peers/requests.js'
import { PIN, SoftHsm } from '../../../support/peers/softhsm.js'
import {
  absentForTokens,
  buildShim,
  buildTokenProgram,
  ShimmedHsm,
  SOFTHSM,
} from '../../../support/peers/token-program.js'
import { missing, needProgram } from '../../../support/processes/missing.js'
import { describeContract, faultOf, lockFolder, NOW, opened, PROFILE, patient } from '../contract.js'

const box = new OpensslBox()
const absent = absentForTokens()
const shim = absent === undefined ? buildShim(box.dir) : undefined
afterAll(() => {
  box.remove()
  rmSync(lockFolder, { recursive: true, force: true })
})

if (shim === undefined)
  it('lets tokens sign', (context) => {
    missing(context, absent ?? 'cc')
  })
else {
  process.env['BRINE_TEST_TOKEN_PROGRAM'] = buildTokenProgram(box.dir)
  const hsm = new SoftHsm(box)
  const shimmed = new ShimmedHsm(shim, box.dir)
  hsm.token('first')
  hsm.token('second')
  const cas = { ec: box.ca('ec'), p384: box.ca('p384', { key: 'P-384' }), rsa: box.ca('rsa', { key: 'rsa' }) }
  hsm.put('first', cas.ec.key, 'ca-ec', '01')
  hsm.put('first', cas.p384.key, 'ca-p384', '02')
  hsm.put('first', cas.rsa.key, 'ca-rsa', '03')
  hsm.put('second', cas.rsa.key, 'twin', '04')
  hsm.put('second', cas.ec.key, 'twin', '05')
  const pinFile = hsm.pinFile('pin')
  const csr = box.request({ san: 'DNS:a.example' })

  type Changed = Partial<Extract<CaConfig, { backend: 'pkcs11' }>>
  const good = {
    id: 'hsm',
    backend: 'pkcs11',
    caCert: cas.ec.cert,
    chain: undefined,
    module: shim,
    uri: 'pkcs11:token=first;object=ca-ec',
    pinFile,
    pinEnv: undefined,
  } as const
  const probe = async (changed: Changed = {}, signal = patient()) =>
    (await opened({ ...good, ...changed })).probe(signal)
  const issue = async (changed: Changed = {}, signal = patient()) =>
    (await opened({ ...good, ...changed })).issue({ csr, profile: PROFILE, signal })
  /** Class and code, and the message. */
  const told = async (promise: Promise<unknown>) => {
    const { outcome, code, message } = await faultOf(promise)
    return { what: `${outcome} ${code}`, message }
  }

  beforeEach(() => shimmed.forget())
  afterEach(() => {
    shimmed.fail()
    rmSync(lockFolder, { recursive: true, force: true })
  })

  describeContract(
    'pkcs11',
    () => ({
      config: good,
      caCert: readFileSync(cas.ec.cert),
      requests: () => shimmed.calls('C_Sign'),
      csr,
      expired: addSeconds(NOW, 3651 * 86_400),
      incomplete: { ...good, module: box.path('nowhere.so') },
      broken: { ...good, uri: 'pkcs11:token=first;object=ca-rsa' },
    }),
    () => shimmed.fail('C_Sign hang'),
  )

  describe('a key in a token', () => {
    it.each([
      ['ca-rsa', 'rsa'],
      ['ca-p384', 'p384'],
      ['ca-ec', 'ec'],
    ] as const)('signs certificates that OpenSSL verifies: %s', async (object, kind) => {
      const changed = { caCert: cas[kind].cert, uri: `pkcs11:token=first;object=${object}` }
      await probe(changed)
      const made = await issue(changed)
      if (made.outcome !== 'ok') throw new Error(made.outcome)
      writeFileSync(box.path('made.der'), made.certificate)
      box.run('x509', '-inform', 'DER', '-in', 'made.der', '-out', 'made.pem')
      expect(box.run('verify', '-CAfile', cas[kind].cert, 'made.pem').toString()).toContain('OK')
    })

    it('signs where the token hashes nothing itself', async () => {
      shimmed.fail('without 64')
      await probe({ caCert: cas.rsa.cert, uri: 'pkcs11:token=first;object=ca-rsa' })
    })

    it('is found by label, by id, and by what the token says of itself', async () => {
      await probe({ uri: 'pkcs11:token=first;id=%01' })
      await probe({ uri: 'pkcs11:token=first;id=%01;object=ca-ec;manufacturer=SoftHSM%20project;model=SoftHSM%20v2' })
      await probe({ uri: 'pkcs11:token=second;object=twin;id=%05' })
      expect((await told(probe({ uri: 'pkcs11:token=first;object=ca-ec;serial=0' }))).what).toBe(
        'ca-fault ca-token-absent',
      )
    })

    it('may want the PIN for each signature', async (context) => {
      const tool = needProgram(context, 'pkcs11-tool')
      box.run('pkey', '-in', cas.ec.key, '-outform', 'DER', '-out', 'always.der')
      const login = ['--module', SOFTHSM, '--token-label', 'second', '--login', '--pin', PIN]
      const object = ['--type', 'privkey', '--label', 'always', '--id', '77', '--always-auth', '--usage-sign']
      execFileSync(tool, [...login, '--write-object', box.path('always.der'), ...object], { stdio: 'pipe' })
      await probe({ uri: 'pkcs11:token=second;object=always' })
      // the login, the proof that the key is the certificate's, the probe
      expect(shimmed.calls('C_Login')).toBe(3)
    })

    it('is asked after one login and one logout, whatever is signed', async () => {
      await issue()
      expect(['C_Initialize', 'C_Login', 'C_Logout', 'C_Finalize'].map((name) => shimmed.calls(name))).toEqual([
        1, 1, 1, 1,
      ])
    })

    it('is the operator’s affair where it is absent, ambiguous or of another certificate', async () => {
      for (const [changed, what] of [
        [{ uri: 'pkcs11:token=first;object=nobody' }, 'config-fault ca-key-absent'],
        [{ uri: 'pkcs11:token=first' }, 'config-fault ca-key-ambiguous'],
        [{ uri: 'pkcs11:token=second;object=twin' }, 'config-fault ca-key-ambiguous'],
        [{ uri: 'pkcs11:token=first;object=ca-p384' }, 'config-fault ca-key-mismatch'],
        [{ uri: 'pkcs11:token=first;object=ca-rsa' }, 'config-fault ca-key-mismatch'],
        [{ caCert: cas.rsa.cert }, 'config-fault ca-key-mismatch'],
        [{ uri: 'pkcs11:object=ca-ec' }, 'config-fault ca-token-uri'],
        [{ uri: 'pkcs11:token=first;color=red' }, 'config-fault ca-token-uri'],
        [{ module: box.path('pin') }, 'config-fault ca-module-unusable'],
        [{ module: box.dir }, 'config-fault ca-module-unusable'],
      ] as const) {
        expect((await told(probe(changed))).what).toBe(what)
        expect((await told(issue(changed))).what).toBe(what)
      }
    })

    it('is the operator’s affair where pkcs11js or flock(1) is not installed', async () => {
      const { NODE_PATH, PATH } = process.env
      try {
        process.env['NODE_PATH'] = box.dir
        const addon = await told(probe())
        expect([addon.what, addon.message]).toEqual([
          'config-fault pkcs11-missing',
          expect.stringContaining('npm install pkcs11js'),
        ])
        process.env['PATH'] = box.dir
        const lock = await told(probe())
        expect([lock.what, lock.message]).toEqual([
          'config-fault ca-token-lock',
          expect.stringContaining('install util-linux'),
        ])
      } finally {
        Object.assign(process.env, { NODE_PATH, PATH })
      }
      await probe()
    })

    it('comes back with its token', async () => {
      const fault = await told(probe({ uri: 'pkcs11:token=third;object=ca-ec' }))
      expect(fault.what).toBe('ca-fault ca-token-absent')
      expect(fault.message).toContain('"third"')
    })

    it.each([
      ['C_Sign 48', 'ca-fault ca-token-failed', 'CKR_DEVICE_ERROR'],
      ['C_Sign 50', 'ca-fault ca-token-failed', 'CKR_DEVICE_REMOVED'],
      ['C_Sign 179', 'ca-fault ca-token-failed', 'CKR_SESSION_HANDLE_INVALID'],
      ['C_GetTokenInfo 224', 'ca-fault ca-token-failed', 'CKR_TOKEN_NOT_PRESENT'],
      ['C_Initialize 5', 'ca-fault ca-token-failed', 'CKR_GENERAL_ERROR'],
      ['C_Sign crash', 'ca-fault ca-token-failed', 'SIGSEGV'],
      ['C_Sign 104', 'config-fault ca-key-kind', 'CKR_KEY_FUNCTION_NOT_PERMITTED'],
      ['C_Login 163', 'config-fault ca-pin-expired', 'CKR_PIN_EXPIRED'],
      ['C_Login 164', 'config-fault ca-pin-locked', 'CKR_PIN_LOCKED'],
      ['C_Login 258', 'config-fault ca-pin-unset', 'CKR_USER_PIN_NOT_INITIALIZED'],
    ])('tells what failed, in its class: %s', async (line, what, message) => {
      shimmed.fail(line)
      for (const fault of [await told(probe()), await told(issue())]) {
        expect(fault.what).toBe(what)
        expect(fault.message).toContain(message)
      }
    })

    it('that hangs at its goodbye is not waited for beyond two seconds, and the work counts', async () => {
      shimmed.fail('C_Logout hang')
      const begun = performance.now()
      expect((await issue()).outcome).toBe('ok')
      expect(performance.now() - begun).toBeLessThan(5000)
    })

    it('that hangs does not keep others: the event loop runs and the time is kept', async () => {
      shimmed.fail('C_Initialize hang')
      let ticks = 0
      const timer = setInterval(() => {
        ticks += 1
      }, 20)
      expect((await told(probe({}, AbortSignal.timeout(600)))).what).toBe('ca-fault ca-timeout')
      clearInterval(timer)
      expect(ticks).toBeGreaterThan(5)
      shimmed.fail()
      await probe()
    })
  })

  it('is left by a process whose parent was gone before it could look', async () => {
    const gone = spawnSync('true').pid
    const orphan = fork(process.env['BRINE_TEST_TOKEN_PROGRAM'] ?? '', [String(gone)], {
      stdio: 'ignore',
      execArgv: [],
    })
    expect(await once(orphan, 'exit')).toEqual([null, 'SIGKILL'])
  })

  describe('the PIN of a token', () => {
    it('comes from the environment too, and the token process does not inherit it', async () => {
      process.env['TOKEN_PIN'] = PIN
      try {
        await probe({ pinFile: undefined, pinEnv: 'TOKEN_PIN' })
        expect(shimmed.calls('inherited')).toBe(0)
      } finally {
        delete process.env['TOKEN_PIN']
      }
      const fault = await told(probe({ pinFile: undefined, pinEnv: 'TOKEN_PIN' }))
      expect([fault.what, fault.message.includes('TOKEN_PIN')]).toEqual(['config-fault ca-pin-missing', true])
    })

    it('may be in a file that the URI names', async () => {
      const uri = `${good.uri}?pin-source=file:${pinFile}`
      await probe({ pinFile: undefined, uri })
    })

    it('is wanted, and only its owner may read it', async () => {
      expect((await told(probe({ pinFile: undefined }))).what).toBe('config-fault ca-pin-missing')
      expect(shimmed.calls('C_Login')).toBe(0)
      const loose = hsm.pinFile('loose')
      chmodSync(loose, 0o640)
      expect((await told(probe({ pinFile: loose }))).what).toBe('config-fault ca-key-exposed')
      expect((await told(probe({ pinFile: hsm.pinFile('empty', '') }))).what).toBe('config-fault ca-pin-missing')
      expect((await told(probe({ pinFile: box.path('nobody') }))).message).toContain('no such file')
    })

    it('that is wrong is tried once, over probes, requests and CAs, and shown nowhere', async () => {
      const wrong = { pinFile: hsm.pinFile('wrong', '9753135') }
      const faults = [
        ...(await Promise.all([told(probe(wrong)), told(issue(wrong)), told(probe({ ...wrong, id: 'other' }))])),
        await told(probe(wrong)),
        await told(issue({ ...wrong, uri: 'pkcs11:token=first;id=%01' })),
      ]
      expect(faults.map((fault) => fault.what)).toEqual(faults.map(() => 'config-fault ca-pin-refused'))
      expect(faults.map((fault) => fault.message).join()).not.toContain('9753135')
      expect((await faultOf(probe(wrong))).needsOperator).toBe(true)
      expect(shimmed.calls('C_Login')).toBe(1)
    })

    it('that was corrected is tried, and the wrong one stays refused', async () => {
      const pin = hsm.pinFile('mended', '9753135')
      await told(probe({ pinFile: pin }))
      hsm.pinFile('mended')
      await probe({ pinFile: pin })
      await told(probe({ pinFile: hsm.pinFile('wrong', '9753135') }))
      expect(shimmed.calls('C_Login')).toBe(2)
    })

    it('is not tried where the token says that it is locked, or that one try is left', async () => {
      shimmed.fail('flags 262144')
      expect((await told(probe())).what).toBe('config-fault ca-pin-locked')
      shimmed.fail('flags 131072')
      expect((await told(probe())).what).toBe('config-fault ca-pin-final-try')
      expect((await faultOf(probe())).needsOperator).toBe(true)
      // a PIN file may come back by itself
      expect((await faultOf(probe({ pinFile: box.path('no-pin') }))).needsOperator).toBe(false)
      expect(shimmed.calls('C_Login')).toBe(0)
    })
  })

  describe('many at one token', () => {
    it('wait for each other: none fails', async () => {
      const runs = await Promise.all(Array.from({ length: 8 }, () => issue({ module: SOFTHSM })))
      expect(runs.map((run) => run.outcome)).toEqual(runs.map(() => 'ok'))
    })

    it('wait no longer than their time', async () => {
      shimmed.fail('C_Sign hang')
      const stop = new AbortController()
      const holder = told(issue({}, stop.signal))
      await expect.poll(() => shimmed.calls('C_Sign'), { interval: 5 }).toBe(1)
      expect(await told(probe({}, AbortSignal.timeout(300)))).toEqual({
        what: 'ca-fault ca-timeout',
        message: expect.stringContaining('other processes used the token'),
      })
      stop.abort()
      expect((await holder).what).toBe('ca-fault ca-timeout')
      shimmed.fail()
      await probe()
    })
  })
}
