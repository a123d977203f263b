/** A history of enrolment in memory, with a clock that the test sets; requests are values, no key is made. */
import { addSeconds, type Instant } from '../../../src/core/base/time.js'
import { sha256Hex } from '../../../src/core/crypto/digest.js'
import { type EstCommand, est } from '../../../src/core/est/aggregate.js'
import type { EstEvent } from '../../../src/core/est/events.js'
import { EMPTY_EST, type EstState, type Requester } from '../../../src/core/est/state.js'
import type { CertificateRequest } from '../../../src/core/pki/csr.js'
import { NO_NAMES } from '../../../src/core/pki/names.js'
import { BUILT_IN_PROFILES, type CertificateProfile } from '../../../src/core/pki/profile.js'
import { expectStored } from '../../support/store/checked-work.js'

type RequestOpen = Extract<EstCommand, { readonly type: 'request.open' }>

export const START = '2026-01-01T00:00:00Z' as Instant
export const OPERATOR: Requester = { how: 'operator', name: 'ops' }
export const PROFILE: CertificateProfile = BUILT_IN_PROFILES.find(
  ({ name }) => name === 'default',
) as CertificateProfile

/** Returns a valid request of the holder of `key`. */
export function requestOf(key: string): CertificateRequest {
  const subject = { der: new Uint8Array(), text: `CN=${key}`, commonName: key, attributes: [], isEmpty: false }
  return {
    der: Buffer.from(`csr of ${key}`),
    subject,
    spki: Buffer.from(key),
    key: { kind: 'ec', bits: 0, curve: 'P-256' },
    names: NO_NAMES,
    san: undefined,
    extendedKeyUsages: [],
    challengePassword: undefined,
  }
}

export class World {
  state: EstState = EMPTY_EST
  now = START
  readonly events: EstEvent[] = []

  later(seconds: number): void {
    this.now = addSeconds(this.now, seconds)
  }

  /** Returns the codes of the violations. */
  violations(command: EstCommand): readonly string[] {
    return est.check(this.state, command).map(({ code }) => code)
  }

  /** Runs a command and returns the types of its events. Throws where it has violations. */
  async run(command: EstCommand): Promise<readonly string[]> {
    const violations = this.violations(command)
    if (violations.length > 0) throw new Error(violations.join())
    const events = expectStored(est, await est.decide(this.state, command, { clock: { now: () => this.now } }))
    this.state = events.reduce(est.evolve, this.state)
    this.events.push(...events)
    return events.map(({ type }) => type)
  }

  /** Returns the command that opens request `id` for the holder of `key`. */
  opening(
    id: string,
    key: string,
    more: Partial<Pick<RequestOpen, 'by' | 'duplicate' | 'label' | 'attempt'>> = {},
  ): RequestOpen {
    return {
      type: 'request.open',
      id,
      label: 'device',
      csr: sha256Hex(Buffer.from(`csr of ${key}`)),
      request: requestOf(key),
      profile: PROFILE,
      by: OPERATOR,
      renews: null,
      duplicate: false,
      attempt: { attempt: `try ${id}`, ca: 'far', timeout: 40, here: false },
      at: this.now,
      ...more,
    }
  }

  /** Records a certificate for an open request; the book and the requests are one state here. */
  async issue(id: string, by: Requester = OPERATOR, validSeconds = 86_400): Promise<readonly string[]> {
    const found = this.state.requests[id]
    const issued = {
      ...{ ca: found?.asking.ca ?? 'far', chain: [sha256Hex(Buffer.from('far'))], label: found?.label ?? 'device' },
      notAfter: addSeconds(this.now, validSeconds),
    }
    await this.run({ type: 'request.serve', id, by, issued })
    return this.run({
      type: 'certificate.record',
      id,
      certificate: {
        ...{ label: found?.label ?? 'device', key: found?.key ?? sha256Hex(Buffer.from('k')) },
        ...{ subject: found?.subject ?? 'CN=k', names: [], by, renews: null, ca: found?.asking.ca ?? 'far' },
        ...{ serial: `0${id}`, notBefore: this.now, notAfter: addSeconds(this.now, validSeconds) },
        sha256: sha256Hex(Buffer.from(`certificate ${id}`)),
      },
    })
  }

  createPassword(id: string, uses = 1, validSeconds = 3600): Promise<readonly string[]> {
    const hash = sha256Hex(Buffer.from('secret'))
    return this.run({ type: 'password.create', id, label: 'device', hash, uses, validSeconds, note: '' })
  }
}
