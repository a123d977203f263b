/**
 * A stand-in for Dogtag's REST API that really signs: sessions, nonces, profiles, agents. What `dogtag-contract.ts` says of it was seen
 * at a Dogtag 10.10.2 and is held against one by test/interop/dogtag.test.ts.
 */
import { randomBytes } from 'node:crypto'
import { readPlainCertificate } from '../../../src/core/pki/certificate.js'
import { requestBytes } from '../../../src/core/pki/csr.js'
import { pem } from '../../../src/core/pki/pem.js'
import type { CertificateProfile } from '../../../src/core/pki/profile.js'
import { type Asked, CaPeer, issuerOf, type PeerFiles, type Told } from './ca-peer.js'
import { type Form, inputsOf, issuedBy, refusalBy, template } from './dogtag-profiles.js'

export interface DogtagSwitches {
  /** 10.10 has the first version of the API, tells no numbers of requests, and its status is XML. */
  version: '10.10' | '11.6'
  status: 'running' | 'starting'
  /** The roles of the agent; version 10.10 writes one of them without a list. */
  roles: readonly string[]
  /** Requests for an approval are refused: the agent may not. */
  isApprovalRefused: boolean
}

interface Held {
  status: 'pending' | 'complete' | 'rejected'
  readonly csr: Uint8Array
  readonly form: Form
  readonly error: string | null
  serial: string | undefined
}

const JSON_TYPE = { 'Content-Type': 'application/json' }
export const ROLES = ['Administrators', 'Certificate Manager Agents']
/** Profiles whose requests are complete at once, beside the one of the tests. */
const AGENT = 'caAgentServerCert'
const PROFILES = ['caManual', 'caRefusing', 'caServerCert', AGENT, 'caUserCert']

/** As PKIException is told. */
function refused(status: number, message: string): Told {
  const body = { ClassName: 'com.netscape.certsrv.base.PKIException', Code: status, Message: message }
  return { status, headers: JSON_TYPE, body: JSON.stringify({ ...body, Attributes: { Attribute: [] } }) }
}

const told = (value: unknown, headers: Readonly<Record<string, string>> = {}): Told => ({
  headers: { ...JSON_TYPE, ...headers },
  body: JSON.stringify(value),
})

/** A nonce beyond what JavaScript counts exactly, below zero every other time. */
let nonces = 0n
function newNonce(): bigint {
  nonces += 1n
  const number = (1n << 62n) + BigInt(`0x${randomBytes(6).toString('hex')}`)
  return nonces % 2n === 0n ? number : -number
}

export class DogtagPeer {
  readonly switches: DogtagSwitches = {
    version: '11.6',
    status: 'running',
    roles: ROLES,
    isApprovalRefused: false,
  }
  readonly requests: Held[] = []
  readonly certificates = new Map<string, Uint8Array>()
  readonly revoked = new Map<string, string>()
  readonly server: CaPeer
  /** Nonces by session and thing. */
  readonly #sessions = new Map<string, Map<string, bigint>>()
  readonly #issuer: ReturnType<typeof issuerOf>
  /** Certificates by it are made at once. */
  readonly #profile: CertificateProfile
  readonly #profiles: readonly string[]

  constructor(files: PeerFiles, profile: CertificateProfile) {
    this.#issuer = issuerOf(files.ca)
    this.#profile = profile
    this.#profiles = [profile.name, ...PROFILES]
    this.server = new CaPeer(files, (asked) => this.#answer(asked), false)
  }

  get openSessions(): number {
    return this.#sessions.size
  }

  /** An agent at the console approves what waits. */
  async approve(index: number): Promise<void> {
    const held = this.requests[index]
    const der = held && (await issuedBy(this.#issuer, held.form, held.csr, this.#profile))
    if (held === undefined || der === undefined) throw new Error('nothing to approve')
    held.serial = `0x${readPlainCertificate(der)?.serial}`
    held.status = 'complete'
    this.certificates.set(held.serial, der)
  }

  get #isOld(): boolean {
    return this.switches.version === '10.10'
  }

  #answer(asked: Asked): Told | Promise<Told> {
    const { method, path, client } = asked
    if (path === '/ca/admin/ca/getStatus') return this.#status()
    const base = this.#isOld ? '/ca/rest' : '/ca/v2'
    if (!path.startsWith(`${base}/`)) return { status: 404, body: '<html>HTTP Status 404</html>' }
    const rest = path.slice(base.length)
    if (client !== 'ra-agent') return refused(401, 'no such user')
    if (rest === '/account/login') {
      const id = randomBytes(8).toString('hex')
      this.#sessions.set(id, new Map())
      const cookie = { 'Set-Cookie': `JSESSIONID=${id}; Path=/ca; Secure; HttpOnly` }
      const { roles } = this.switches
      const Roles = this.#isOld ? { Role: roles.length === 1 ? roles[0] : roles } : roles
      return told({ id: 'ra', FullName: 'RA', Roles }, cookie)
    }
    const id = /JSESSIONID=(\w+)/.exec(asked.headers.cookie ?? '')?.[1] ?? ''
    const nonces = this.#sessions.get(id)
    if (nonces === undefined) return refused(401, 'no session')
    if (rest === '/account/logout') {
      this.#sessions.delete(id)
      return { status: 204 }
    }
    return method === 'POST' ? this.#post(rest, asked.body, nonces) : this.#get(rest, nonces)
  }

  #status(): Told {
    const { status, version } = this.switches
    if (version !== '10.10') return told({ Response: { State: '1', Type: 'CA', Status: status, Version: '11.6.0' } })
    return {
      body: `<?xml version="1.0"?><XMLResponse><State>1</State><Type>CA</Type><Status>${status}</Status></XMLResponse>`,
    }
  }

  #get(rest: string, nonces: Map<string, bigint>): Told {
    const [, profile] = /^\/certrequests\/profiles\/(\w+)$/.exec(rest) ?? []
    if (profile !== undefined) {
      if (this.#profiles.includes(profile)) return told(template(profile))
      const message = 'Profile not found'
      return this.#isOld
        ? refused(400, `Unable to get enrollment template for ${profile}: ${message}`)
        : refused(404, `${message}: ${profile}`)
    }
    const [, agent, number] = /^(\/agent)?\/certrequests\/(0x[0-9a-f]+|\d+)$/.exec(rest) ?? []
    if (number !== undefined) {
      const held = this.requests[Number(number) - 1]
      if (held === undefined) return refused(404, `Request ID 0x${Number(number).toString(16)} not found`)
      if (agent === undefined) return told(this.#info(held))
      const nonce = newNonce()
      nonces.set(rest, nonce)
      // a number in newer versions, so that a program that rounds it is found out
      const shown = this.#isOld ? `"${nonce}"` : nonce
      return {
        headers: JSON_TYPE,
        body: `{"nonce":${shown},"requestId":"${number}","requestStatus":"${held.status}","Input":[]}`,
      }
    }
    const [, of, serial] = /^(\/agent)?\/certs\/(0x[0-9a-f]+|\d+)$/.exec(rest) ?? []
    const id = serial === undefined ? '' : `0x${BigInt(serial).toString(16)}`
    const der = this.certificates.get(id)
    if (der === undefined) return refused(404, `Certificate ID ${id} not found`)
    const nonce = newNonce()
    if (of !== undefined) nonces.set(rest, nonce)
    const shown = JSON.stringify({ id, Encoded: pem('CERTIFICATE', der), Status: 'VALID' })
    return { headers: JSON_TYPE, body: `${shown.slice(0, -1)},"Nonce":${of === undefined ? null : nonce}}` }
  }

  async #post(rest: string, body: string, nonces: Map<string, bigint>): Promise<Told> {
    if (rest === '/certrequests') return this.#submit(body)
    const [, thing = '', verb] = /^(\/agent\/cert(?:request)?s\/\w+)\/(approve|revoke)$/.exec(rest) ?? []
    const nonce = nonces.get(thing)
    if (verb === undefined) return refused(404, 'no such operation')
    if (nonce === undefined || !body.includes(String(nonce))) return refused(400, 'Nonce mismatch')
    const number = thing.split('/').at(-1) ?? ''
    if (verb === 'approve') {
      if (this.switches.isApprovalRefused) return refused(403, 'Authorization Error')
      await this.approve(Number(number) - 1)
      return { status: 204 }
    }
    this.revoked.set(number, String((JSON.parse(body) as Record<string, unknown>)['Reason']))
    const revocation = { requestType: 'revocation', requestStatus: 'complete', operationResult: 'success' }
    return told(this.#isOld ? revocation : { requestID: '0x99', ...revocation })
  }

  async #submit(body: string): Promise<Told> {
    const form = JSON.parse(body) as Form
    const values = inputsOf(form)
    const csr = requestBytes(Buffer.from(values.get('cert_request') ?? ''))
    if (values.get('cert_request_type') !== 'pkcs10')
      return refused(500, 'Unable to create enrollment request: Unknown Certificate Request Type ')
    if (csr === undefined) return refused(400, 'Unable to create enrollment request: Invalid Request')
    const error = refusalBy(form, csr)
    if (error.status !== undefined) return refused(error.status, error.message ?? '')
    const status = error.message === undefined ? 'pending' : 'rejected'
    const held: Held = { status, csr, form, error: error.message ?? null, serial: undefined }
    this.requests.push(held)
    if ([this.#profile.name, AGENT].includes(form.ProfileID)) await this.approve(this.requests.length - 1)
    return told({ total: 1, entries: [this.#info(held)] })
  }

  #info(held: Held) {
    const { status, serial, error } = held
    const number = this.requests.indexOf(held) + 1
    const base = { requestType: 'enrollment', requestStatus: status, certRequestType: 'pkcs10', errorMessage: error }
    if (!this.#isOld) {
      const operationResult = error === null ? 'success' : 'error'
      const certId = serial === undefined ? {} : { certId: serial }
      return { requestID: `0x${number.toString(16)}`, ...base, operationResult, ...certId }
    }
    const url = 'https://localhost:8443/ca/rest'
    const certURL = serial === undefined ? null : `${url}/certs/${BigInt(serial)}`
    // a rejected request is a success here too
    const rest = { operationResult: 'success', realm: null, certId: serial ?? null, certURL }
    return { ...base, requestURL: `${url}/certrequests/${number}`, ...rest }
  }
}
