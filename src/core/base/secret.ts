/** A secret in memory. Invariant: printing, logging or encoding it yields `[redacted]`; only an explicit call returns the value. */
import { inspect } from 'node:util'

const REDACTED = '[redacted]'

export class Secret {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  reveal(): string {
    return this.#text
  }

  toString(): string {
    return REDACTED
  }

  toJSON(): string {
    return REDACTED
  }

  [inspect.custom](): string {
    return REDACTED
  }
}
