/**
 * No key of the pool signs two objects, whichever process is killed and whenever the directory is copied: checked over all objects that the
 * directory and its copies ever signed. Objects of a killed command count too: they were signed.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { importPkcs8 } from '../../src/core/crypto/key-maker.js'
import { decodeSignedObject } from '../../src/core/rpki/signed-object/decode-envelope.js'
import { openStore } from '../../src/core/store/commit/file-store.js'
import { type RunOptions, brine as run, runBrine } from '../support/processes/cli.js'
import { type FaultRunner, faultRunner } from '../support/processes/faults.js'
import { fixedPkcs8 } from '../support/rpki/fixed-keys.js'

/** Runs a process of its own: it makes real keys, where a worker hands out the fixed ones that other directories sign with too. */
const brine = (args: readonly string[], options: RunOptions) => run(args, { ...options, isProcess: true })

let folder: string
let live: string
let faults: FaultRunner
const promoted: string[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'brine-pool-'))
  faults = await faultRunner(folder)
  live = join(folder, 'live')
  await brine(['testbed', 'init'], { dataDir: live })
  for (let n = 0; n < 8; n++) openStore(live).keys.putPool(importPkcs8(fixedPkcs8(n)).id, fixedPkcs8(n))
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

let prefixes = 0

function add(): readonly string[] {
  return ['roa', 'add', 'testbed', `10.0.${++prefixes}.0/24=AS64496`]
}

/** Promotes a copy: its pool is wiped, and it signs with its own keys. */
async function copyAndPromote(): Promise<void> {
  const copy = join(folder, `copy-${promoted.length}`)
  cpSync(live, copy, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
  await brine(['promote', '--reason', 'the other host is gone', '--yes'], { dataDir: copy })
  expect(openStore(copy).keys.poolSize()).toBe(0)
  await brine(add(), { dataDir: copy })
  promoted.push(copy)
}

/** Returns the objects that each key signed, in all directories together. */
function signedBy(dirs: readonly string[]): ReadonlyMap<string, ReadonlySet<string>> {
  const signed = new Map<string, Set<string>>()
  for (const dir of dirs) {
    for (const entry of readdirSync(join(dir, 'objects'), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const { content } = decodeSignedObject(readFileSync(join(entry.parentPath, entry.name)))
      if (content === undefined) continue
      const of = signed.get(content.ee.ski) ?? new Set()
      signed.set(content.ee.ski, of.add(entry.name))
    }
  }
  return signed
}

describe('a key of the pool', () => {
  it('signs once: commands killed after they took keys, copies promoted in between', async () => {
    const place = (operations: readonly string[], pattern: RegExp): number =>
      operations.findIndex((text) => pattern.test(text)) + 1
    const clean = await faults.operations(add(), { dataDir: live })
    await copyAndPromote()
    for (const [i, pattern] of [/^sync \/keys\/pool$/, /^link \/objects\//, /^link \/commits\//].entries()) {
      const at = place(clean, pattern)
      expect(await faults.run(add(), { dataDir: live }, { at, kind: 'kill' })).toMatchObject({ signal: 'SIGKILL' })
      if (i === 1) await copyAndPromote()
    }
    await brine(add(), { dataDir: live })
    expect(openStore(live).keys.poolSize()).toBe(0)
    const signed = signedBy([live, ...promoted])
    expect(signed.size).toBeGreaterThan(10)
    expect([...signed].filter(([, objects]) => objects.size > 1)).toEqual([])
  }, 120_000)

  it('is complete or missing when tick is killed, and the next tick continues', async () => {
    const config = join(live, 'brine.toml')
    writeFileSync(config, readFileSync(config, 'utf8').replace('#key_pool_size = 0', 'key_pool_size = 3'))
    for (const at of [2, 4, 5]) {
      const ran = await faults.run(['tick'], { dataDir: live }, { at, kind: at === 2 ? 'torn' : 'kill' })
      expect(ran).toMatchObject({ signal: 'SIGKILL' })
      const { keys } = openStore(live)
      for (const name of readdirSync(join(live, 'keys/pool')).filter((n) => !n.startsWith('.tmp-'))) {
        const path = join(live, 'keys/pool', name)
        expect(statSync(path).mode & 0o777).toBe(0o600)
        expect(importPkcs8(new Uint8Array(readFileSync(path))).id).toBe(name)
      }
      expect(keys.poolSize()).toBeLessThanOrEqual(3)
    }
    expect(await runBrine(['tick'], { dataDir: live, isProcess: true })).toMatchObject({ code: 0 })
    expect(openStore(live).keys.poolSize()).toBe(3)
  }, 120_000)
})

describe('promote', () => {
  it('makes the copy durable before it writes the installation identity', async () => {
    const copy = join(folder, 'copy-durable')
    cpSync(live, copy, { recursive: true, verbatimSymlinks: true })
    const operations = await faults.operations(['promote', '--reason', 'test', '--yes'], { dataDir: copy })
    const last = operations.indexOf('rename /status/origin.json')
    const vital = /^\/(?:commits|cas|ta|pubd|objects|keys)\//
    const files = readdirSync(live, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
      .map((entry) => join(entry.parentPath, entry.name).slice(live.length))
      .filter((path) => vital.test(path) && !path.includes('/pool/'))
    expect(files.length).toBeGreaterThan(20)
    const synced = new Set(operations.slice(0, last).filter((text) => text.startsWith('sync ')))
    expect(files.filter((path) => !synced.has(`sync ${path}`))).toEqual([])
  })
})
