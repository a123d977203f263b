/** What a token's failure means, in the classes of the breaker. Invariant: a PIN that was refused is the operator's affair, at once. */
import { BackendFault } from '../ha/backend.js'
import { configFault } from './files.js'
import type { FailedMessage, Finding } from './pkcs11-messages.js'

/** CK_RV (PKCS #11 section 4.13) that waiting does not mend. */
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

/** Did the token refuse the PIN itself? */
export function isPinRefusal({ step, code }: FailedMessage): boolean {
  return step === 'C_Login' && OPERATOR[code] === 'ca-pin-refused'
}

/** Where in the configuration the token is named. */
export interface TokenPlace {
  /** `token "label"`. */
  readonly token: string
  readonly module: string
}

/** The fault. */
export function tokenFault(failed: FailedMessage, place: TokenPlace): BackendFault {
  const { step, code, text } = failed
  const { token } = place
  if (!step.startsWith('C_')) return FINDINGS[step as Finding](place, text)
  const known = OPERATOR[code]
  if (known === 'ca-pin-refused')
    return configFault(
      known,
      `${token}: the PIN is refused (${text}): it is not tried again, since a token locks itself`,
    )
  if (known === 'ca-pin-locked')
    return configFault(known, `${token}: its PIN is locked (${text}): unlock it with the PIN of its security officer`)
  if (known !== undefined) return configFault(known, `${token}: ${step} failed: ${text}`)
  return new BackendFault('ca-fault', 'ca-token-failed', `${token}: ${step} failed: ${text}`)
}

const FINDINGS: Readonly<Record<Finding, (place: TokenPlace, text: string) => BackendFault>> = {
  addon: () =>
    configFault(
      'pkcs11-missing',
      'this installation cannot talk to tokens: pkcs11js is not there or was not built; have a C++ compiler, then: npm install pkcs11js',
    ),
  module: ({ module }, text) =>
    configFault(
      'ca-module-unusable',
      `${module}: no PKCS #11 library that can be loaded${text === '' ? '' : `: ${text.replace(`${module}: `, '')}`}`,
    ),
  // it may have been pulled out, or its network is away: it comes back by itself
  'no-token': ({ token, module }) =>
    new BackendFault('ca-fault', 'ca-token-absent', `${token}: ${module} shows no such token`),
  'several-tokens': ({ token }) =>
    configFault('ca-token-ambiguous', `${token}: several tokens are called so; name its serial too`),
  'no-key': ({ token }) =>
    configFault('ca-key-absent', `${token}: no private key on it has the object and id of the URI`),
  'several-keys': ({ token }) =>
    configFault('ca-key-ambiguous', `${token}: several private keys fit the URI; name object and id`),
  'no-pin': ({ token }) =>
    configFault('ca-pin-missing', `${token}: it wants a PIN, and neither a PIN file nor a variable is configured`),
  'pin-locked': ({ token }) =>
    configFault('ca-pin-locked', `${token}: its PIN is locked: unlock it with the PIN of its security officer`),
  'pin-final-try': ({ token }) =>
    configFault(
      'ca-pin-final-try',
      `${token}: one wrong PIN more would lock it: log in by hand with the right one, and it counts anew`,
    ),
}
