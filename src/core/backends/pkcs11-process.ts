/**
 * Our end of the process that talks to a token (pkcs11-child.ts).
 * Invariant: it ends with the work, killed where it must be: at the deadline, or when it does not close in time.
 */
import { type ChildProcess, fork } from 'node:child_process'
import type { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { BackendFault } from '../ha/backend.js'
import { type FailedMessage, type FromToken, type OpenMessage, PIN_FD, type ToToken } from './pkcs11-messages.js'

/** Milliseconds that a token has for its goodbye. */
const GOODBYE = 2000

/** A failure that the process told. */
export class TokenFailure extends Error {
  readonly failed: FailedMessage

  constructor(failed: FailedMessage) {
    super(failed.text)
    this.failed = failed
  }
}

export class TokenProcess {
  readonly #child: ChildProcess
  readonly #token: string
  readonly #onAbort: () => void
  readonly #signal: AbortSignal
  #waiting: { resolve: (said: FromToken) => void; reject: (fault: BackendFault) => void } | undefined
  #over: BackendFault | undefined

  /** Starts it; nothing is loaded before `ask`. `program`: the built pkcs11-child. `hidden`: a variable that it must not inherit. */
  constructor(program: string | undefined, token: string, hidden: string | undefined, signal: AbortSignal) {
    this.#token = token
    this.#signal = signal
    const env = { ...process.env }
    if (hidden !== undefined) delete env[hidden]
    const path = program ?? fileURLToPath(new URL('../pkcs11-child.js', import.meta.url))
    this.#child = fork(path, [String(process.pid)], {
      // libraries of makers print what they like: nobody reads it
      stdio: ['ignore', 'ignore', 'ignore', 'ipc', 'pipe'],
      serialization: 'advanced',
      execArgv: [],
      env,
    })
    this.#pin.on('error', () => undefined)
    this.#child.on('message', (said: FromToken) => this.#settle()?.resolve(said))
    this.#child.on('error', (cause) => this.#end(`it could not be asked: ${cause.message}`))
    this.#child.on('exit', (code, killed) => this.#end(`its library ended the process (${killed ?? `exit ${code}`})`))
    this.#onAbort = () => this.#late()
    signal.addEventListener('abort', this.#onAbort)
    if (signal.aborted) this.#late()
  }

  get #pin(): Writable {
    return this.#child.stdio[PIN_FD] as Writable
  }

  /** Opens the key; the PIN is sent beside the message. Throws a TokenFailure, a BackendFault. */
  open(message: OpenMessage, pin: Buffer | undefined): Promise<FromToken> {
    if (pin === undefined) this.#pin.destroy()
    else this.#pin.end(pin)
    return this.ask(message)
  }

  /** One question at a time. Throws a TokenFailure, a BackendFault (ca-fault) when the time is over or the process dies. */
  async ask(message: ToToken): Promise<FromToken> {
    const said = await new Promise<FromToken>((resolve, reject) => {
      if (this.#over !== undefined) return reject(this.#over)
      this.#waiting = { resolve, reject }
      this.#child.send(message, (error) => {
        if (error !== null) this.#end('its process is gone')
      })
    })
    if (said.type === 'failed') throw new TokenFailure(said)
    return said
  }

  /** Logs out and waits until the process is gone. Never throws. */
  async close(): Promise<void> {
    this.#signal.removeEventListener('abort', this.#onAbort)
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), GOODBYE)
    try {
      if (this.#over === undefined) await this.ask({ type: 'close' }).catch(() => undefined)
      this.#child.kill('SIGKILL')
      if (this.#child.exitCode === null && this.#child.signalCode === null && this.#child.pid !== undefined)
        await new Promise((resolve) => this.#child.once('exit', resolve))
    } finally {
      clearTimeout(timer)
    }
  }

  #late(): void {
    this.#fail(new BackendFault('ca-fault', 'ca-timeout', `${this.#token}: no answer in time`))
    this.#child.kill('SIGKILL')
  }

  #end(what: string): void {
    this.#fail(new BackendFault('ca-fault', 'ca-token-failed', `${this.#token}: ${what}`))
  }

  #fail(fault: BackendFault): void {
    this.#over ??= fault
    this.#settle()?.reject(this.#over)
  }

  #settle(): { resolve: (said: FromToken) => void; reject: (fault: BackendFault) => void } | undefined {
    const waiting = this.#waiting
    this.#waiting = undefined
    return waiting
  }
}
