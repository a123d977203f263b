/**
 * The error of every decoder of a peer's message: what is wrong, the rule that it breaks, and where. Invariant: a decoder of bytes from a
 * peer throws nothing else, whatever the bytes are.
 */
import { AppError } from '../base/errors.js'

export interface FaultPlace {
  /** Line and column of the XML text, both from 1. */
  readonly line?: number | undefined
  readonly column?: number | undefined
  /** Status of RFC 6492 section 3.6 that answers the message, where the section names one for the fault: 1102 or 1103. */
  readonly status?: number | undefined
}

export class ProtocolFault extends Error {
  /** The text that the message breaks, such as `RFC 6492 section 3.2`. */
  readonly rule: string
  readonly line: number | undefined
  readonly column: number | undefined
  readonly status: number | undefined

  constructor(rule: string, message: string, place: FaultPlace & { readonly cause?: unknown } = {}) {
    super(message, place.cause === undefined ? undefined : { cause: place.cause })
    this.name = 'ProtocolFault'
    this.rule = rule
    this.line = place.line
    this.column = place.column
    this.status = place.status
  }
}

/** Returns a fault on one line: `line 3, column 5: <offer> twice (RFC 8183 section 5.2.2)`. */
export function describeFault(fault: ProtocolFault): string {
  const place = fault.line === undefined ? '' : `line ${fault.line}, column ${fault.column ?? 1}: `
  return `${place}${fault.message} (${fault.rule})`
}

/** Returns the fault of a file that the operator gave as an error of kind `usage`; `subject` names the file. */
export function faultOfFile(fault: ProtocolFault, code: string, subject: string): AppError {
  const { rule, line = null, column = null } = fault
  return new AppError('usage', code, `${subject}: ${describeFault(fault)}`, {
    details: { rule, line, column },
    cause: fault,
  })
}
