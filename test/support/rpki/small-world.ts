/**
 * Aggregates in memory for tests of rules: trust anchor, CAs and publication server over a reader without history,
 * a clock that the test sets, random bytes from a counter, and signatures by the fixed keys.
 */
import { createHash } from 'node:crypto'
import { createCa, placeUnder } from '../../../src/core/app/authority/cas.js'
import { createTa } from '../../../src/core/app/authority/trust-anchor.js'
import { anchorUris } from '../../../src/core/app/operations/testbed.js'
import { caState, runPubd, TA_HANDLE, type TransactionContext, taState } from '../../../src/core/app/session/context.js'
import { publishLocal } from '../../../src/core/app/transaction/local-publication.js'
import { type Handle, parseHandle } from '../../../src/core/base/handle.js'
import type { Random } from '../../../src/core/base/ports.js'
import { addSeconds, type Instant } from '../../../src/core/base/time.js'
import type { CaState } from '../../../src/core/ca/state/state.js'
import { createSoftSigner } from '../../../src/core/crypto/soft-signer.js'
import type { Reader } from '../../../src/core/eventsourcing/store.js'
import { DEFAULT_TIMING, type Timing } from '../../../src/core/issuing/timing.js'
import { DEFAULT_RETENTION } from '../../../src/core/pubd/ports.js'
import { parseResources } from '../../../src/core/resources/resource-set.js'
import { checkBeforePublish } from '../../../src/core/rpki/check-before-publish.js'
import type { TaState } from '../../../src/core/ta/state.js'
import { CheckedWork } from '../store/checked-work.js'
import { createMemoryKeyStore } from '../store/memory-key-store.js'
import { fixedKeys } from './fixed-keys.js'

export const START = '2026-11-21T12:00:00Z' as Instant

/** Returns a source of random bytes that are the same in every run. */
export function countingRandom(): Random {
  let n = 0
  return {
    bytes: (length) => {
      const out = new Uint8Array(length)
      for (let at = 0; at < length; at += 32) out.set(hashOf(n++).subarray(0, Math.min(32, length - at)), at)
      return out
    },
  }
}

function hashOf(n: number): Uint8Array {
  return new Uint8Array(createHash('sha256').update(String(n)).digest())
}

const NOTHING: Reader = {
  head: 0,
  at: undefined,
  generation: 1,
  roster: () => [],
  load: () => undefined,
  command: () => {
    throw new Error('nothing is stored')
  },
  eventsOf: () => [],
  object: () => {
    throw new Error('nothing is stored')
  },
}

export interface World {
  readonly tx: TransactionContext
  /** Advances the clock. */
  pass(seconds: number): void
  now(): Instant
  ca(handle: string): CaState
  ta(): TaState
}

/** Returns a world without aggregates, with `timing` over the defaults. Jitter is off, so that tests can state exact times. */
export function emptyWorld(timing: Partial<Timing> = {}): World {
  let now = START
  const work = new CheckedWork(NOTHING)
  const signer = createSoftSigner({ keyStore: createMemoryKeyStore(), source: fixedKeys() })
  const tx: TransactionContext = {
    work,
    ports: {
      clock: { now: () => now },
      random: countingRandom(),
      signer,
      objects: work,
      timing: { ...DEFAULT_TIMING, publishJitterSeconds: 0, ...timing },
      review: (name, bytes, spki) => checkBeforePublish(name, bytes, { spki }),
      retention: DEFAULT_RETENTION,
    },
  }
  return {
    tx,
    pass: (seconds) => {
      now = addSeconds(now, seconds)
    },
    now: () => now,
    ca: (handle) => caState(work, parseHandle(handle)),
    ta: () => taState(work, TA_HANDLE),
  }
}

/** Creates trust anchor, publication server, and CAs: the first under the trust anchor, each other under the one before it. */
export async function chainOf(
  world: World,
  ...levels: readonly (readonly [handle: string, resources: string])[]
): Promise<void> {
  const { tx } = world
  const [rsync, rrdp] = ['rsync://rpki.example/repo/', 'https://rpki.example/rrdp/']
  await runPubd(tx, { type: 'pubserver.init', rsyncBase: rsync, rrdpBase: rrdp })
  await createTa(tx, anchorUris(rsync, rrdp))
  let parent: Handle = TA_HANDLE
  for (const [name, resources] of levels) {
    const handle = parseHandle(name)
    await createCa(tx, handle)
    await placeUnder(tx, handle, parent, parseResources(resources))
    parent = handle
  }
  await publishLocal(tx)
}
