/** A publication server in memory, with a clock that the test sets and random bytes from a counter. */
import { AppError, rejection } from '../../../src/core/base/errors.js'
import { type Handle, parseHandle } from '../../../src/core/base/handle.js'
import { addSeconds, type Instant } from '../../../src/core/base/time.js'
import { sha256Hex } from '../../../src/core/crypto/digest.js'
import { createSoftSigner } from '../../../src/core/crypto/soft-signer.js'
import { PUBD_HANDLE, type PubdCommand, type PubdEvent, pubd } from '../../../src/core/pubd/aggregate.js'
import type { ObjectPut } from '../../../src/core/pubd/content.js'
import { DEFAULT_RETENTION, type RetentionPolicy } from '../../../src/core/pubd/ports.js'
import type { PubdState } from '../../../src/core/pubd/state.js'
import { publisherBase } from '../../../src/core/pubd/uri.js'
import { fixedKeys } from '../../support/rpki/fixed-keys.js'
import { expectStored } from '../../support/store/checked-work.js'
import { createMemoryKeyStore } from '../../support/store/memory-key-store.js'

const signer = createSoftSigner({ keyStore: createMemoryKeyStore(), source: fixedKeys() })

export const RSYNC = 'rsync://rpki.example.net/repo/'
export const RRDP = 'https://rpki.example.net/rrdp/'

export const h = (text: string): Handle => parseHandle(text)

/** Returns an object of `text` under `name`. */
export function object(name: string, text: string): ObjectPut {
  return { name, sha256: sha256Hex(text), size: Buffer.byteLength(text) }
}

export class Server {
  state: PubdState = pubd.initial(PUBD_HANDLE)
  now: Instant = '2026-01-01T00:00:00Z' as Instant
  retention: RetentionPolicy = DEFAULT_RETENTION
  readonly events: PubdEvent[] = []
  #drawn = 0

  pass(seconds: number): void {
    this.now = addSeconds(this.now, seconds)
  }

  violations(command: PubdCommand): readonly string[] {
    return pubd.check(this.state, command).map((f) => f.code)
  }

  /** Checks, decides and applies a command. Throws the rejection. */
  async run(command: PubdCommand): Promise<readonly PubdEvent[]> {
    const violations = pubd.check(this.state, command)
    if (violations.length > 0) throw rejection(violations)
    const random = {
      bytes: (length: number) => {
        this.#drawn += 1
        return Uint8Array.from({ length }, (_, i) => (this.#drawn * 31 + i * 7) % 256)
      },
    }
    const ports = { signer, clock: { now: () => this.now }, random, retention: this.retention }
    const events = expectStored(pubd, await pubd.decide(this.state, command, ports))
    for (const event of events) this.state = pubd.evolve(this.state, event)
    this.events.push(...events)
    return events
  }

  async publish(
    publisher: string,
    put: readonly ObjectPut[],
    drop: readonly string[] = [],
  ): Promise<readonly PubdEvent[]> {
    return this.run({ type: 'publish', changes: [{ publisher: h(publisher), put, drop }] })
  }
}

/** Returns a server that is set up and has these publishers. */
export async function given(...publishers: readonly string[]): Promise<Server> {
  const server = new Server()
  await server.run({ type: 'pubserver.init', rsyncBase: RSYNC, rrdpBase: RRDP })
  for (const p of publishers)
    await server.run({ type: 'publisher.add', publisher: h(p), base: publisherBase(RSYNC, h(p)) })
  return server
}

export function codeOf(error: unknown): string | undefined {
  return error instanceof AppError ? error.code : undefined
}
