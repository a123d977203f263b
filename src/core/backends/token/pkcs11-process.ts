/**
 * Parent side of the process that talks to a token (pkcs11-child.ts).
 * Invariant: the process ends with the work; it is killed at the deadline, or if it does not close in time.
 */
import { type ChildProcess, fork } from 'node:child_process'
import type { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { BackendFault } from '../../ha/backend.js'
import { type FailedMessage, type FromToken, type OpenMessage, PIN_FD, type ToToken } from './pkcs11-messages.js'

/** Milliseconds that a token has for its logout. */
const GOODBYE = 2000

/** A failure that the process reported. */
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
  #waiting: { resolve: (reply: FromToken) => void; reject: (fault: BackendFault) => void } | undefined
  #over: BackendFault | undefined

  /** Starts the process; nothing is loaded before `ask`. `program` is the built pkcs11-child, `hidden` a variable that it must not inherit. */
  constructor(program: string | undefined, token: string, hidden: string | undefined, signal: AbortSignal) {
    this.#token = token
    this.#signal = signal
    const env = { ...process.env }
    if (hidden !== undefined) delete env[hidden]
    // from dist/chunks/, where the build puts this module
    const path = program ?? fileURLToPath(new URL('../pkcs11-child.js', import.meta.url))
    this.#child = fork(path, [String(process.pid)], {
      // the output of vendor libraries is discarded
      stdio: ['ignore', 'ignore', 'ignore', 'ipc', 'pipe'],
      serialization: 'advanced',
      execArgv: [],
      env,
    })
    this.#pin.on('error', () => undefined)
    this.#child.on('message', (reply: FromToken) => this.#settle()?.resolve(reply))
    this.#child.on('error', (cause) => this.#end(`its process could not be reached: ${cause.message}`))
    this.#child.on('exit', (code, killed) => this.#end(`its library ended the process (${killed ?? `exit ${code}`})`))
    this.#onAbort = () => this.#late()
    signal.addEventListener('abort', this.#onAbort)
    if (signal.aborted) this.#late()
  }

  get #pin(): Writable {
    return this.#child.stdio[PIN_FD] as Writable
  }

  /** Opens the key; the PIN is sent outside of the message. Throws a TokenFailure or a BackendFault. */
  open(message: OpenMessage, pin: Buffer | undefined): Promise<FromToken> {
    if (pin === undefined) this.#pin.destroy()
    else this.#pin.end(pin)
    return this.ask(message)
  }

  /** Sends one message at a time. Throws a TokenFailure, or a BackendFault (`ca-fault`) on timeout or if the process dies. */
  async ask(message: ToToken): Promise<FromToken> {
    const reply = await new Promise<FromToken>((resolve, reject) => {
      if (this.#over !== undefined) return reject(this.#over)
      this.#waiting = { resolve, reject }
      this.#child.send(message, (error) => {
        if (error !== null) this.#end('its process has ended')
      })
    })
    if (reply.type === 'failed') throw new TokenFailure(reply)
    return reply
  }

  /** Logs out and waits for the end of the process. Never throws. */
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
    this.#fail(new BackendFault('ca-fault', 'ca-timeout', `${this.#token}: no response in time`))
    this.#child.kill('SIGKILL')
  }

  #end(what: string): void {
    this.#fail(new BackendFault('ca-fault', 'ca-token-failed', `${this.#token}: ${what}`))
  }

  #fail(fault: BackendFault): void {
    this.#over ??= fault
    this.#settle()?.reject(this.#over)
  }

  #settle(): { resolve: (reply: FromToken) => void; reject: (fault: BackendFault) => void } | undefined {
    const waiting = this.#waiting
    this.#waiting = undefined
    return waiting
  }
}
