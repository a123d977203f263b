/** A publication server in memory with its objects in files and its published tree on the disk, filled with objects of a usual size. */
import fs from 'node:fs'
import { dirname, join } from 'node:path'
import { parseHandle } from '../../src/core/base/handle.js'
import { addSeconds, type Instant } from '../../src/core/base/time.js'
import { sha256Hex } from '../../src/core/crypto/digest.js'
import type { Sha256 } from '../../src/core/crypto/ports.js'
import { createSoftSigner } from '../../src/core/crypto/soft-signer.js'
import { PUBD_HANDLE, type PubdCommand, pubd } from '../../src/core/pubd/aggregate.js'
import type { ObjectPut } from '../../src/core/pubd/content.js'
import { DEFAULT_RETENTION } from '../../src/core/pubd/ports.js'
import type { PubdState } from '../../src/core/pubd/state.js'
import { publisherBase } from '../../src/core/pubd/uri.js'
import { areTreesReady, prepareTrees } from '../../src/core/publication/standing-trees.js'
import { type WriteReport, writeTree } from '../../src/core/publication/writer.js'
import { fixedKeys } from '../../test/support/rpki/fixed-keys.js'
import { createMemoryKeyStore } from '../../test/support/store/memory-key-store.js'

export const signer = createSoftSigner({ keyStore: createMemoryKeyStore(), source: fixedKeys() })

export const PUBLISHERS = 20
export const RSYNC = 'rsync://rpki.example.net/repo/'

/** Seed of all content, so that two runs publish the same bytes. */
let seed = 1
export function filler(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let i = 0; i < length; i++) {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
    bytes[i] = seed >>> 16
  }
  return bytes
}

export class Repository {
  readonly dir: string
  state: PubdState = pubd.initial(PUBD_HANDLE)
  now = '2026-01-01T00:00:00Z' as Instant

  constructor(dir: string) {
    this.dir = dir
  }

  objectPath = (sha256: Sha256): string => join(this.dir, 'objects', sha256.slice(0, 2), sha256)

  object(name: string): ObjectPut {
    const bytes = filler(1900 + (seed % 300))
    const sha256 = sha256Hex(bytes)
    fs.mkdirSync(dirname(this.objectPath(sha256)), { recursive: true })
    fs.writeFileSync(this.objectPath(sha256), bytes, { mode: 0o644 })
    return { name, sha256, size: bytes.length }
  }

  async run(command: PubdCommand): Promise<number> {
    const started = performance.now()
    const faults = pubd.check(this.state, command)
    if (faults.length > 0) throw new Error(faults.map((f) => f.message).join('\n'))
    const random = { bytes: (length: number) => new Uint8Array(filler(length)) }
    const ports = { signer, clock: { now: () => this.now }, random, retention: DEFAULT_RETENTION }
    for (const event of await pubd.decide(this.state, command, ports)) this.state = pubd.evolve(this.state, event)
    return performance.now() - started
  }

  write(): WriteReport {
    const { state, now, objectPath } = this
    return writeTree({ repoDir: join(this.dir, 'repo'), state, now, objectPath })
  }

  /** Runs what `tick` does for rsync trees every five minutes, until there is nothing left to do. Returns how many trees it has built. */
  prepare(): number {
    const { objectPath } = this
    const repoDir = join(this.dir, 'repo')
    for (let trees = 0; ; trees++) {
      this.now = addSeconds(this.now, 300)
      if (areTreesReady(repoDir, this.now)) return trees
      prepareTrees({ repoDir, state: this.state, now: this.now, objectPath })
    }
  }

  async fill(objects: number, publishers = PUBLISHERS): Promise<void> {
    await this.run({ type: 'pubserver.init', rsyncBase: RSYNC, rrdpBase: 'https://rpki.example.net/rrdp/' })
    const handles = Array.from({ length: publishers }, (_, i) => parseHandle(`ca${i}`))
    for (const publisher of handles)
      await this.run({ type: 'publisher.add', publisher, base: publisherBase(RSYNC, publisher) })
    const changes = handles.map((publisher, p) => {
      const share = Math.floor(objects / publishers) + (p < objects % publishers ? 1 : 0)
      return { publisher, put: Array.from({ length: share }, (_, i) => this.object(`${p}-${i}.roa`)), drop: [] }
    })
    await this.run({ type: 'publish', changes })
  }
}
