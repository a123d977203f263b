/** What every kind of CA must do: one suite, run for each. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openBackend } from '../../../src/core/backends/open.js'
import type { BackendPorts } from '../../../src/core/backends/ports.js'
import { addSeconds, type Instant } from '../../../src/core/base/time.js'
import type { CaConfig } from '../../../src/core/config/enrolment/schema.js'
import { systemRandom } from '../../../src/core/crypto/random.js'
import { BackendFault, type CaBackend } from '../../../src/core/ha/backend.js'
import { certificatesOf, readPlainCertificate } from '../../../src/core/pki/certificate.js'
import { checkIssued } from '../../../src/core/pki/check-issued.js'
import { readRequest } from '../../../src/core/pki/csr.js'
import { BUILT_IN_PROFILES, type CertificateProfile } from '../../../src/core/pki/profile.js'

export const NOW = new Date().toISOString().replace(/\.\d+/, '') as Instant
export const PROFILE = BUILT_IN_PROFILES.find((p) => p.name === 'deviceCert') as CertificateProfile

/** Locks of tokens, made by whoever needs them. */
export const lockFolder = join(tmpdir(), `brine-locks-${process.pid}`)

/** What a backend is opened with. */
export function portsAt(now: Instant = NOW): BackendPorts {
  const tokenProgram = process.env['BRINE_TEST_TOKEN_PROGRAM']
  const ports = { clock: { now: () => now }, random: systemRandom, lockFolder }
  return tokenProgram === undefined ? ports : { ...ports, tokenProgram }
}

/** The backend at a time. */
export function opened(config: CaConfig, now: Instant = NOW): Promise<CaBackend> {
  return openBackend(config, portsAt(now))
}

/** A signal that never aborts before the test ends. */
export const patient = (): AbortSignal => AbortSignal.timeout(20_000)

/** The fault that `promise` ends with. */
export async function faultOf(promise: Promise<unknown>): Promise<BackendFault> {
  const error = await promise.then(
    (value) => new Error(`no fault: ${JSON.stringify(value)}`),
    (cause: unknown) => cause,
  )
  if (!(error instanceof BackendFault)) throw error
  return error
}

export interface Subject {
  readonly config: CaConfig
  /** PEM of the CA. */
  readonly caCert: Uint8Array
  /** Requests that reached the CA so far; 0 for one that lies here. */
  requests(): number
  /** A request that nothing is wrong with, DER. */
  readonly csr: Uint8Array
  /** The CA's certificate has expired by then. */
  readonly expired: Instant
  /** The same CA with a file that is not there. */
  readonly incomplete: CaConfig
  /** The same CA, out of order. */
  readonly broken: CaConfig
}

/** Runs the suite; `subject` is asked for once the files and servers are there. After `hang` the CA takes requests and answers none. */
export function describeContract(kind: string, subject: () => Subject, hang?: () => void): void {
  describe(`a CA of the kind ${kind}`, () => {
    it('issues what was asked for', async () => {
      const { config, csr, caCert } = subject()
      const issued = await (await opened(config)).issue({ csr, profile: PROFILE, signal: patient() })
      if (issued.outcome !== 'ok') throw new Error(issued.outcome)
      const { request } = readRequest(csr)
      const ca = readPlainCertificate(certificatesOf(caCert)[0]!)
      expect(checkIssued(issued.certificate, request!, ca!, PROFILE, NOW).finding).toBeUndefined()
    })

    it('says that a broken request is at fault, and not itself', async () => {
      const { config, csr, requests } = subject()
      const before = requests()
      const broken = Uint8Array.from(csr)
      broken[broken.length - 1]! ^= 1
      const fault = await faultOf((await opened(config)).issue({ csr: broken, profile: PROFILE, signal: patient() }))
      expect(fault.outcome).toBe('request-fault')
      for (const bytes of [new Uint8Array(), Buffer.from('-----BEGIN'), csr.subarray(0, 40)])
        expect(
          (await faultOf((await opened(config)).issue({ csr: bytes, profile: PROFILE, signal: patient() }))).outcome,
        ).toBe('request-fault')
      expect(requests()).toBe(before)
    })

    it('does not begin when the time is over', async () => {
      const { config, csr, requests } = subject()
      const before = requests()
      const backend = await opened(config)
      const signal = AbortSignal.abort()
      expect((await faultOf(backend.issue({ csr, profile: PROFILE, signal }))).outcome).toBe('ca-fault')
      expect((await faultOf(backend.probe(signal))).outcome).toBe('ca-fault')
      expect(requests()).toBe(before)
    })

    if (hang !== undefined)
      it('ends within a second of its abort', async () => {
        const { config, csr, requests } = subject()
        const backend = await opened(config)
        hang?.()
        for (const run of [
          (signal: AbortSignal) => backend.issue({ csr, profile: PROFILE, signal }),
          (signal: AbortSignal) => backend.probe(signal),
        ]) {
          const stop = new AbortController()
          const before = requests()
          const ending = faultOf(run(stop.signal))
          await expect.poll(requests, { interval: 5 }).toBe(before + 1)
          const at = performance.now()
          stop.abort()
          expect(['ca-fault', 'unknown']).toContain((await ending).outcome)
          expect(performance.now() - at).toBeLessThan(1000)
        }
      })

    it('is asked nothing once its certificate has expired', async () => {
      const { config, csr, requests, expired } = subject()
      const before = requests()
      const backend = await opened(config, expired)
      for (const fault of [
        await faultOf(backend.issue({ csr, profile: PROFILE, signal: patient() })),
        await faultOf(backend.probe(patient())),
      ])
        expect([fault.outcome, fault.code]).toEqual(['ca-fault', 'ca-certificate-expired'])
      expect(requests()).toBe(before)
      expect(await (await opened(config, addSeconds(expired, -86_400))).chain()).not.toHaveLength(0)
    })

    it('names a file that is not there', async () => {
      const { incomplete, csr } = subject()
      const backend = await opened(incomplete)
      for (const fault of [
        await faultOf(backend.issue({ csr, profile: PROFILE, signal: patient() })),
        await faultOf(backend.probe(patient())),
      ]) {
        expect(fault.outcome).toBe('config-fault')
        expect(fault.message).toContain('no such file')
      }
    })

    it('proves that it works, and that it does not', async () => {
      const { config, broken } = subject()
      await expect((await opened(config)).probe(patient())).resolves.toBeUndefined()
      expect((await faultOf((await opened(broken)).probe(patient()))).message).not.toBe('')
    })

    it('shows its certificate first in its chain', async () => {
      const { config, caCert } = subject()
      const [first] = await (await opened(config)).chain()
      expect(Buffer.from(first!)).toEqual(Buffer.from(certificatesOf(caCert)[0]!))
    })
  })
}
