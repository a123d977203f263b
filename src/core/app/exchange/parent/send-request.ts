/** Sends what is open at a parent: requests for certificates and revocations (RFC 6492 sections 3.4 and 3.5). Invariant: an answer is one commit, and a lost one leaves its request open. */
import { AppError } from '../../../base/errors.js'
import { entry } from '../../../base/record.js'
import { siaOf } from '../../../ca/classes.js'
import type { OpenRequest } from '../../../ca/state/requests.js'
import { type CaState, type ClassKey, type ResourceClass, repositoryOf } from '../../../ca/state/state.js'
import { sha256Hex } from '../../../crypto/digest.js'
import type { KeyId } from '../../../crypto/ports.js'
import { spkiOf } from '../../../issuing/stored.js'
import {
  type ProvisioningBody,
  type ProvisioningClass,
  PROVISIONING_STATUS as STATUS,
} from '../../../protocols/provisioning/types.js'
import { signCertificationRequest } from '../../../rpki/certification-request.js'
import { localChildren, syncResources } from '../../authority/resource-sync.js'
import { knownCa, runCa } from '../../session/context.js'
import { withMessageSigner } from '../../session/signing.js'
import { transact } from '../../transaction/transact.js'
import { isUnsent } from '../client/host-queues.js'
import { failureText, invalidAnswer } from '../client/parent-messages.js'
import { acceptCertificates } from './accept-certificate.js'
import { ask, type Exchange, read, receive, transactLosing } from './parent-exchange.js'

export interface AskedRequest {
  readonly kind: OpenRequest['kind']
  /** The CA's own name of the class. */
  readonly class: string
  readonly ski: KeyId
  /** `waiting`: the parent answers it later; `refused` and `failed`: it stays open. */
  readonly outcome: 'issued' | 'revoked' | 'waiting' | 'refused' | 'failed'
  /** Status of an `error_response`. */
  readonly status: number | null
  readonly message: string | null
}

/** Sends one request and records its answer. */
export async function carryOut(exchange: Exchange, request: OpenRequest): Promise<AskedRequest> {
  const asked = (outcome: AskedRequest['outcome'], status: number | null = null, message: string | null = null) => ({
    ...request,
    ...{ outcome, status, message },
  })
  const known = await read(exchange)
  const own = entry(known.state.classes, request.class)
  const key = own?.keys.find(({ ski }) => ski === request.ski)
  const isKnown = key !== undefined || (request.kind === 'revoke' && entry(own?.listed?.unexpected ?? {}, request.ski))
  if (own === undefined || !isKnown) return asked('failed', null, 'the key was removed meanwhile')
  try {
    const body: ProvisioningBody =
      request.kind === 'issue' && key !== undefined
        ? { type: 'issue', className: own.parentClass, limit: {}, csr: await csrOf(exchange, known.state, own, key) }
        : { type: 'revoke', className: own.parentClass, ski: request.ski }
    const answer = await ask(exchange, known, body)
    if (answer.type === 'error_response') {
      const { status } = answer
      if (request.kind === 'revoke' && GONE.has(status)) return asked(await finish(exchange, request), status)
      return asked(LATER.has(status) ? 'waiting' : 'refused', status, failureText(answer))
    }
    return asked(await takeAnswer(exchange, request, own, answer))
  } catch (error) {
    // a request that was not sent has not failed
    if (!(error instanceof AppError) || error.kind !== 'remote' || isUnsent(error.code)) throw error
    return asked('failed', null, error.message)
  }
}

/** The key is not certified any more, which is what was asked for. */
export const GONE: ReadonlySet<number> = new Set([STATUS.revokeNoClass, STATUS.revokeNoKey])
const LATER: ReadonlySet<number> = new Set([STATUS.processing, STATUS.scheduled])

async function csrOf(
  { session }: Exchange,
  state: CaState,
  { name }: ResourceClass,
  key: ClassKey,
): Promise<Uint8Array> {
  const { ski, spki } = key
  const repository = repositoryOf(state, key)
  if (repository === null) throw new TypeError(`${state.handle} has no repository, so that nothing is open`)
  const request = { ski, spki: spkiOf(spki), sia: { kind: 'ca', ...siaOf(repository, name, ski) } } as const
  return withMessageSigner(session, (signer) => signCertificationRequest(request, (tbs) => signer.sign(ski, tbs)))
}

async function takeAnswer(
  exchange: Exchange,
  request: OpenRequest,
  own: ResourceClass,
  answer: ProvisioningBody,
): Promise<'issued' | 'revoked'> {
  const { session, ca } = exchange
  if (request.kind === 'revoke') {
    if (answer.type !== 'revoke_response' || answer.className !== own.parentClass || answer.ski !== request.ski)
      throw invalidAnswer('it does not confirm the revocation (RFC 6492 section 3.5.2)')
    return finish(exchange, request)
  }
  if (answer.type !== 'issue_response' || answer.class.className !== own.parentClass)
    throw invalidAnswer('it is not for the class that was asked for (RFC 6492 section 3.4.2)')
  const keys = own.keys.filter(({ ski }) => ski === request.ski)
  if (acceptCertificates(answer.class, keys, session.now()).length === 0)
    throw invalidAnswer('its certificate is not for the key that was asked for (RFC 6492 section 3.4.2)')
  await transactLosing(exchange, async (tx) => {
    if (!(await receive(tx, exchange, answer.class, true))) return
    await syncResources(tx, localChildren(tx, ca))
  })
  const refused = exchange.findings.get(`${own.name} ${request.ski}`)
  const taken = entry((await read(exchange)).state.classes, own.name)?.keys.find(({ ski }) => ski === request.ski)
  if (refused !== undefined && !isTaken(answer.class, taken)) throw invalidAnswer(refused.message)
  return 'issued'
}

/** Returns true if the certificate of a key is the one in the answer. */
function isTaken({ certificates }: ProvisioningClass, key: ClassKey | undefined): boolean {
  return certificates.some(({ der }) => sha256Hex(der) === key?.certificate?.sha256)
}

async function finish({ session, ca }: Exchange, { class: className, ski }: OpenRequest): Promise<'revoked'> {
  await transact(session, async (tx) => {
    const own = entry(knownCa(tx.work, ca).classes, className)
    // another refresh may have finished it
    if (own?.keys.some((key) => key.ski === ski && key.state === 'old') !== true) return
    await runCa(tx, ca, { type: 'keyroll.finish', className, ski })
  })
  return 'revoked'
}
