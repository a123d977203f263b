/** A stand-in for Dogtag's REST API that really signs: sessions, nonces, profiles, agents. */
import { randomBytes } from 'node:crypto'
import { readPlainCertificate } from '../../../src/core/pki/certificate.js'
import { requestBytes } from '../../../src/core/pki/csr.js'
import { pem } from '../../../src/core/pki/pem.js'
import type { CertificateProfile } from '../../../src/core/pki/profile.js'
import { type Asked, CaPeer, issued, issuerOf, type PeerFiles, type Told } from './ca-peer.js'

export interface DogtagSwitches {
  /** Base of the API that this server has. */
  base: '/ca/v2' | '/ca/rest'
  status: 'running' | 'starting'
  /** Does `getStatus` answer in XML? */
  isXml: boolean
}

interface Held {
  status: 'pending' | 'complete' | 'rejected'
  readonly csr: Uint8Array
  serial: string | undefined
}

const JSON_TYPE = { 'Content-Type': 'application/json' }
const MANUAL = 'caManual'
const REFUSING = 'caRefusing'

/** As PKIException is told. */
function refused(status: number, message: string): Told {
  const body = { ClassName: 'com.netscape.certsrv.base.PKIException', Code: status, Message: message }
  return { status, headers: JSON_TYPE, body: JSON.stringify({ ...body, Attributes: { Attribute: [] } }) }
}

const told = (value: unknown, headers: Readonly<Record<string, string>> = {}): Told => ({
  headers: { ...JSON_TYPE, ...headers },
  body: JSON.stringify(value),
})

/** One nonce above what JavaScript counts exactly. */
const newNonce = (): bigint => (1n << 62n) + BigInt(`0x${randomBytes(6).toString('hex')}`)

export class DogtagPeer {
  readonly switches: DogtagSwitches = { base: '/ca/v2', status: 'running', isXml: false }
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
    this.#profiles = [profile.name, MANUAL, REFUSING]
    this.server = new CaPeer(files, (asked) => this.#answer(asked), false)
  }

  get openSessions(): number {
    return this.#sessions.size
  }

  /** An agent at the console approves what waits. */
  async approve(index: number): Promise<void> {
    const held = this.requests[index]
    const der = held && (await issued(this.#issuer, held.csr, this.#profile))
    if (held === undefined || der === undefined) throw new Error('nothing to approve')
    held.serial = `0x${readPlainCertificate(der)?.serial}`
    held.status = 'complete'
    this.certificates.set(held.serial, der)
  }

  #answer(asked: Asked): Told | Promise<Told> {
    const { method, path, client } = asked
    if (path === '/ca/admin/ca/getStatus') return this.#status()
    if (!path.startsWith(`${this.switches.base}/`)) return { status: 404, body: '<html>HTTP Status 404</html>' }
    const rest = path.slice(this.switches.base.length)
    if (client !== 'ra-agent') return refused(401, 'no such user')
    if (rest === '/account/login') {
      const id = randomBytes(8).toString('hex')
      this.#sessions.set(id, new Map())
      const cookie = { 'Set-Cookie': `JSESSIONID=${id}; Path=/ca; Secure; HttpOnly` }
      return told({ id: 'ra', FullName: 'RA', Roles: ['Certificate Manager Agents'] }, cookie)
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
    const { status, isXml } = this.switches
    if (!isXml) return told({ Response: { State: '1', Type: 'CA', Status: status, Version: '11.6.0' } })
    return {
      body: `<?xml version="1.0"?><XMLResponse><State>1</State><Type>CA</Type><Status>${status}</Status></XMLResponse>`,
    }
  }

  #get(rest: string, nonces: Map<string, bigint>): Told {
    const [, profile] = /^\/certrequests\/profiles\/(\w+)$/.exec(rest) ?? []
    if (profile !== undefined)
      return this.#profiles.includes(profile) ? told(template(profile)) : refused(404, `Profile not found: ${profile}`)
    const [, agent, number] = /^(\/agent)?\/certrequests\/0x(\w+)$/.exec(rest) ?? []
    if (number !== undefined) {
      const held = this.requests[Number.parseInt(number, 16) - 1]
      if (held === undefined) return refused(404, 'Request ID not found')
      if (agent === undefined) return told(info(held, `0x${number}`))
      const nonce = newNonce()
      nonces.set(rest, nonce)
      // the nonce of a review is a number here, so that whoever rounds it is found out
      return {
        headers: JSON_TYPE,
        body: `{"requestId":"0x${number}","requestStatus":"${held.status}","nonce":${nonce},"Input":[]}`,
      }
    }
    const [, of, serial] = /^(\/agent)?\/certs\/(0x\w+)$/.exec(rest) ?? []
    const der = serial === undefined ? undefined : this.certificates.get(serial)
    if (serial === undefined || der === undefined) return refused(404, `Certificate ID ${serial} not found`)
    const nonce = newNonce()
    if (of !== undefined) nonces.set(rest, nonce)
    const shown = JSON.stringify({ id: serial, Encoded: pem('CERTIFICATE', der), Status: 'VALID' })
    return { headers: JSON_TYPE, body: of === undefined ? shown : `${shown.slice(0, -1)},"Nonce":${nonce}}` }
  }

  async #post(rest: string, body: string, nonces: Map<string, bigint>): Promise<Told> {
    if (rest === '/certrequests') return this.#submit(body)
    const [, thing = '', verb] = /^(\/agent\/cert(?:request)?s\/0x\w+)\/(approve|revoke)$/.exec(rest) ?? []
    const nonce = nonces.get(thing)
    if (verb === undefined) return refused(404, 'no such operation')
    if (nonce === undefined || !body.includes(String(nonce))) return refused(400, 'Nonce mismatch')
    const number = thing.split('/').at(-1) ?? ''
    if (verb === 'approve') {
      await this.approve(Number(number) - 1)
      return { status: 204 }
    }
    this.revoked.set(number, String((JSON.parse(body) as Record<string, unknown>)['Reason']))
    return told({ requestID: '0x99', requestType: 'revocation', requestStatus: 'complete', operationResult: 'success' })
  }

  async #submit(body: string): Promise<Told> {
    const asked = JSON.parse(body) as ReturnType<typeof template>
    const values = new Map(asked.Input.flatMap(({ Attribute }) => Attribute.map(({ name, Value }) => [name, Value])))
    const csr = requestBytes(Buffer.from(values.get('cert_request') ?? ''))
    const isFilled = values.get('cert_request_type') === 'pkcs10' && (values.get('requestor_name') ?? '') !== ''
    if (csr === undefined || !isFilled) return refused(400, 'Invalid certificate request')
    const held: Held = { status: asked.ProfileID === REFUSING ? 'rejected' : 'pending', csr, serial: undefined }
    this.requests.push(held)
    if (asked.ProfileID === this.#profile.name) await this.approve(this.requests.length - 1)
    return told({ total: 1, entries: [info(held, `0x${this.requests.length.toString(16)}`)] })
  }
}

function info({ status, serial }: Held, requestID: string) {
  const base = { requestID, requestType: 'enrollment', requestStatus: status, certRequestType: 'pkcs10' }
  if (status === 'rejected') return { ...base, operationResult: 'error', errorMessage: 'Subject Name Not Matched' }
  return { ...base, operationResult: 'success', ...(serial !== undefined && { certId: serial }) }
}

function template(profile: string) {
  const field = (name: string) => ({
    name,
    Value: undefined as string | undefined,
    Descriptor: { Syntax: 'string', Description: name },
  })
  return {
    ProfileID: profile,
    Renewal: false,
    Input: [
      { id: 'i1', ClassID: 'certReqInputImpl', Attribute: ['cert_request_type', 'cert_request'].map(field) },
      {
        id: 'i2',
        ClassID: 'submitterInfoInputImpl',
        Attribute: ['requestor_name', 'requestor_email', 'requestor_phone'].map(field),
      },
    ],
    Output: [],
  }
}
