/**
 * The backend `dogtag`: the REST API of Dogtag Certificate System, used as an agent with a client certificate.
 * Invariant: a pending request is approved here only with `auto_approve`.
 */
import type { DogtagBackend } from '../../config/enrolment/schema.js'
import { BackendFault, type CaBackend, type RevocationReason } from '../../ha/backend.js'
import { configFault, readChain } from '../files.js'
import { type Ask, httpClient } from '../http.js'
import { type HttpResponse, jsonOf, reportedFault, requestFault, statusFault, tryJson } from '../http-faults.js'
import type { BackendPorts } from '../ports.js'
import { asProbe, probeRequest, readyCa } from '../remote.js'
import { validRequest } from '../request.js'
import { lookUp, profileForm, submit, submitForGood } from './requests.js'
import { type DogtagSession, withSession } from './session.js'

/** Revocation reasons (RFC 5280 section 5.3.1) by their names in Dogtag. */
const REASONS: Readonly<Record<RevocationReason, string>> = {
  unspecified: 'Unspecified',
  keyCompromise: 'Key_Compromise',
  cACompromise: 'CA_Compromise',
  affiliationChanged: 'Affiliation_Changed',
  superseded: 'Superseded',
  cessationOfOperation: 'Cessation_of_Operation',
  certificateHold: 'Certificate_Hold',
  privilegeWithdrawn: 'Privilege_Withdrawn',
}

/** Creates the backend; reads no file yet. */
export function openDogtagBackend(ca: string, config: DogtagBackend, ports: BackendPorts): CaBackend {
  const ask = httpClient(config, ports)
  const { autoApprove, probeProfile } = config
  return {
    ca,
    chain: () => readChain(config),
    issue: async ({ csr, profile, signal }) => {
      validRequest(csr)
      await readyCa(config, ports)
      return withSession(ask, signal, (session) =>
        submitForGood(session, csr, config.profile ?? profile.name, autoApprove),
      )
    },
    poll: async (reference, signal) => {
      await readyCa(config, ports)
      return withSession(ask, signal, (session) => lookUp(session, reference, autoApprove))
    },
    probe: async (signal) => {
      const own = await readyCa(config, ports)
      if (probeProfile === undefined) {
        await withSession(ask, signal, async (session) => {
          checkRole(session, config)
          await checkRuns(ask, signal)
          // a profile of another name is known only with the label
          if (config.profile !== undefined) await profileForm(session, config.profile)
        })
        return
      }
      // Dogtag's own profiles accept RSA keys only
      const { csr, check } = probeRequest(own, config.url, 'rsa')
      const made = await asProbe(probeProfile, () =>
        withSession(ask, signal, (session) => submit(session, csr, probeProfile, autoApprove)),
      )
      if (made.outcome === 'pending')
        throw configFault(
          'ca-probe-pending',
          `${ca}: a request with the probe profile ${probeProfile} was not issued immediately`,
        )
      check(made.certificate)
    },
    revoke: (serial, reason, signal) => revoke(ask, serial, reason, signal),
  }
}

const AGENTS = 'Certificate Manager Agents'

/** Throws a BackendFault (`config-fault`) if the user of `auth_cert` may not approve, although it is configured to. */
function checkRole({ roles }: DogtagSession, { autoApprove, authCert }: DogtagBackend): void {
  if (!autoApprove || roles.length === 0 || roles.includes(AGENTS)) return
  throw configFault(
    'ca-agent-role',
    `auto_approve needs the role ${AGENTS}, but the user of ${authCert} has: ${roles.join(', ')}`,
  )
}

/** Checks that the CA runs: Dogtag accepts connections long before that. */
async function checkRuns(ask: Ask, signal: AbortSignal): Promise<void> {
  const answer = await ask({
    method: 'GET',
    path: '/ca/admin/ca/getStatus',
    headers: { Accept: 'application/json' },
    signal,
  })
  if (answer.status !== 200) throw statusFault(answer)
  const status = statusIn(answer)
  if (status !== 'running') throw reportedFault(answer, `the CA is not running: ${JSON.stringify(status)}`)
}

/** Reads the status. Older versions respond in XML regardless of the Accept header. */
function statusIn(answer: HttpResponse): string {
  const response = tryJson(answer)?.['Response']
  if (typeof response === 'object' && response !== null && 'Status' in response)
    return String(response.Status).slice(0, 40)
  return /<Status>(\w{1,40})<\/Status>/.exec(answer.body.toString('utf8'))?.[1] ?? ''
}

async function revoke(ask: Ask, serial: string, reason: RevocationReason, signal: AbortSignal): Promise<void> {
  await withSession(ask, signal, async (session) => {
    const path = `/agent/certs/0x${serial}`
    const review = await session.get(path).catch((error: unknown) => {
      if (error instanceof BackendFault && error.code === 'ca-url-unknown')
        throw new BackendFault(
          'request-fault',
          'ca-certificate-unknown',
          `the CA has no certificate 0x${serial}: ${error.message}`,
        )
      throw error
    })
    // a 64-bit number that JavaScript would round, so it is read as text
    const nonce = /"[Nn]once"\s*:\s*"?(-?\d{1,20})/.exec(review.body.toString('utf8'))?.[1] ?? 'null'
    const answer = await session.post(
      `${path}/revoke`,
      `{"Reason":"${REASONS[reason]}","Nonce":${nonce},"Comments":""}`,
    )
    const { requestStatus, operationResult, errorMessage } = jsonOf(answer)
    if (requestStatus !== 'complete' || operationResult === 'error')
      throw requestFault(
        'ca-refused-request',
        answer,
        `not revoked: ${JSON.stringify(errorMessage ?? requestStatus ?? '').slice(0, 160)}`,
      )
  })
}
