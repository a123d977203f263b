/** Classification of token failures for the circuit breaker. Invariant: a refused PIN is a `config-fault` at once and waits for the operator. */
import { BackendFault } from '../../ha/backend.js'
import { configFault, lockingFault } from '../files.js'
import type { FailedMessage, Finding } from './pkcs11-messages.js'

/** Return values (PKCS #11 section 4.13, CK_RV) that need the operator. */
const OPERATOR: Readonly<Record<number, string>> = {
  160: 'ca-pin-refused',
  161: 'ca-pin-refused',
  162: 'ca-pin-refused',
  163: 'ca-pin-expired',
  164: 'ca-pin-locked',
  258: 'ca-pin-unset',
  // CKR_KEY_TYPE_INCONSISTENT, CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_MECHANISM_INVALID, CKR_MECHANISM_PARAM_INVALID
  99: 'ca-key-kind',
  104: 'ca-key-kind',
  112: 'ca-key-kind',
  113: 'ca-key-kind',
  // CKR_TOKEN_NOT_RECOGNIZED, CKR_CRYPTOKI_NOT_INITIALIZED is a matter of the library
  225: 'ca-token-unknown',
}

/** Returns true if the token refused the PIN. */
export function isPinRefusal({ step, code }: FailedMessage): boolean {
  return step === 'C_Login' && OPERATOR[code] === 'ca-pin-refused'
}

/** The token and its place in the configuration, for messages. */
export interface TokenPlace {
  /** `token "label"`. */
  readonly token: string
  readonly module: string
}

/** Returns the fault of a failure. */
export function tokenFault(failed: FailedMessage, place: TokenPlace): BackendFault {
  const { step, code, text } = failed
  const { token } = place
  if (!step.startsWith('C_')) return FINDINGS[step as Finding](place, text)
  const known = OPERATOR[code]
  if (known === 'ca-pin-refused')
    return lockingFault(
      known,
      `${token}: the PIN is refused (${text}): it is not tried again, since the token would lock itself`,
    )
  if (known === 'ca-pin-locked')
    return lockingFault(known, `${token}: its PIN is locked (${text}): unlock it with the PIN of its security officer`)
  if (known === 'ca-pin-expired') return lockingFault(known, `${token}: its PIN has expired (${text})`)
  if (known !== undefined) return configFault(known, `${token}: ${step} failed: ${text}`)
  return new BackendFault('ca-fault', 'ca-token-failed', `${token}: ${step} failed: ${text}`)
}

const FINDINGS: Readonly<Record<Finding, (place: TokenPlace, text: string) => BackendFault>> = {
  addon: () =>
    configFault(
      'pkcs11-missing',
      'this installation cannot use tokens: pkcs11js is not installed; install a C++ compiler, then run: npm install pkcs11js',
    ),
  module: ({ module }, text) =>
    configFault(
      'ca-module-unusable',
      `${module}: the PKCS #11 library cannot be loaded${text === '' ? '' : `: ${text.replace(`${module}: `, '')}`}`,
    ),
  // the token may be unplugged or its network down: this heals by itself
  'no-token': ({ token, module }) =>
    new BackendFault('ca-fault', 'ca-token-absent', `${token}: not found by ${module}`),
  'several-tokens': ({ token }) =>
    configFault('ca-token-ambiguous', `${token}: several tokens have this label; add the serial to the URI`),
  'no-key': ({ token }) => configFault('ca-key-absent', `${token}: no private key with the object and id of the URI`),
  'several-keys': ({ token }) =>
    configFault('ca-key-ambiguous', `${token}: several private keys match the URI; add object and id`),
  'no-pin': ({ token }) =>
    configFault('ca-pin-missing', `${token}: a PIN is required, but neither a PIN file nor a variable is configured`),
  'pin-locked': ({ token }) =>
    lockingFault('ca-pin-locked', `${token}: its PIN is locked: unlock it with the PIN of its security officer`),
  'pin-final-try': ({ token }) =>
    lockingFault(
      'ca-pin-final-try',
      `${token}: one more wrong PIN would lock it: log in manually with the right one to reset its counter`,
    ),
}
