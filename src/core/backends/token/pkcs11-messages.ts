/** Messages between a command and its child process that talks to a token. Types only, imported by both sides. */
import type { TokenWanted } from '../../config/enrolment/pkcs11-uri.js'

export interface OpenMessage {
  readonly type: 'open'
  /** Path of the PKCS #11 library. */
  readonly module: string
  readonly token: TokenWanted
  readonly object: string | undefined
  /** Hex. */
  readonly id: string | undefined
  /** True if a PIN is sent, in UTF-8, on the descriptor `PIN_FD`. */
  readonly hasPin: boolean
}

export type Mechanism = 'sha256-rsa-pkcs' | 'rsa-pkcs' | 'ecdsa'

export interface SignMessage {
  readonly type: 'sign'
  readonly mechanism: Mechanism
  readonly data: Uint8Array
}

export type ToToken = OpenMessage | SignMessage | { readonly type: 'close' }

/** Failures outside of PKCS #11; any other step is a PKCS #11 function that failed. */
export type Finding =
  | 'addon'
  | 'module'
  | 'no-token'
  | 'several-tokens'
  | 'no-key'
  | 'several-keys'
  | 'no-pin'
  | 'pin-locked'
  | 'pin-final-try'

export interface FailedMessage {
  readonly type: 'failed'
  readonly step: Finding | `C_${string}`
  /** CK_RV; 0 for a failure outside of PKCS #11. */
  readonly code: number
  /** CKR_…, or the message of the system; never a secret. */
  readonly text: string
}

export interface OpenedMessage {
  readonly type: 'opened'
  readonly kind: 'rsa' | 'ec' | 'other'
  readonly hasSha256Rsa: boolean
}

export type FromToken =
  | OpenedMessage
  | { readonly type: 'signed'; readonly signature: Uint8Array }
  | { readonly type: 'closed' }
  | FailedMessage

/** The descriptor of the PIN: a pipe, which other processes cannot read, unlike an argument or the environment. */
export const PIN_FD = 4
