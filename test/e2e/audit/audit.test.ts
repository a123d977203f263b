/** `brine audit` as users run it: the proof of a sound directory, and what a damaged one says. */
import { appendFileSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AuditReport } from '../../../src/core/app/proof/audit.js'
import type { DigestReport } from '../../../src/core/app/proof/digest.js'
import { openSession } from '../../../src/core/app/session/session.js'
import type { Json } from '../../../src/core/base/json.js'
import { sha256Hex } from '../../../src/core/crypto/digest.js'
import { replay } from '../../../src/core/eventsourcing/work.js'
import { PUBD_HANDLE, type PubdEvent, pubd } from '../../../src/core/pubd/aggregate.js'
import { NOW, runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

const DIGEST = /^logical=[0-9a-f]{64} full=[0-9a-f]{64}$/

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
  await runAt(box.dataDir, ['roa', 'add', 'acme', '192.0.2.0/24 => 64496'])
})
afterAll(() => box.remove())

const digest = async (dir: string) => (await runAt(dir, ['audit', 'digest', '--json'])).json<DigestReport>()
const verify = async (dir: string) => {
  const { code, json } = await runAt(dir, ['audit', 'verify', '--json'])
  return { code, report: json<AuditReport>() }
}
const faults = (report: AuditReport) =>
  [...report.problems, ...report.aggregates.flatMap((a) => a.problems)].map((p) => p.file)

describe('a sound directory', () => {
  it('verifies, and the last line is the digest', async () => {
    const { code, stdout } = await runAt(box.dataDir, ['audit', 'verify'])
    const line = await runAt(box.dataDir, ['audit', 'digest'])
    expect(code).toBe(0)
    expect(stdout.trimEnd().split('\n').at(-1)).toMatch(DIGEST)
    expect(stdout.trimEnd().split('\n').at(-1)).toBe(line.stdout.trimEnd())
    expect((await runAt(box.dataDir, ['audit', 'verify', '--full'])).code).toBe(0)
  })

  it('reports each aggregate with the digest of its state', async () => {
    const { report } = await verify(box.dataDir)
    expect(report).toMatchObject({ ok: true, commits: 3, problems: [] })
    expect(report.aggregates.map((a) => `${a.kind}/${a.handle}`)).toEqual([
      'ca/acme',
      'ca/testbed',
      'pubserver/0',
      'ta/ta',
    ])
    const { aggregates } = await digest(box.dataDir)
    expect(report.aggregates.map((a) => a.stateDigest)).toEqual(aggregates.map((a) => a.stateDigest))
  })

  it('has the digest it had after a refused command and after a no-op, another one after a change', async () => {
    const dir = box.copy()
    const before = await digest(dir)
    expect((await runAt(dir, ['roa', 'add', 'acme', '10.0.0.0/8 => 64496'])).code).toBe(1)
    expect((await runAt(dir, ['republish'])).code).toBe(0)
    expect(await digest(dir)).toEqual(before)
    await runAt(dir, ['roa', 'remove', 'acme', '192.0.2.0/24 => 64496'])
    const after = await digest(dir)
    expect([after.logical === before.logical, after.full === before.full]).toEqual([false, false])
    expect((await verify(dir)).code).toBe(0)
  })
})

it('two machines that ran the same commands share the logical digest, not the full one', async () => {
  const other = await sandbox('2026-12-01T00:00:00Z')
  try {
    await runAt(other.dataDir, ['roa', 'add', 'acme', '192.0.2.0/24 => 64496'], { now: '2026-12-01T00:00:00Z' })
    const [a, b] = [await digest(box.dataDir), await digest(other.dataDir)]
    expect(a.aggregates.map((x) => x.logicalDigest)).toEqual(b.aggregates.map((x) => x.logicalDigest))
    expect(a.logical).toBe(b.logical)
    expect(a.full).not.toBe(b.full)
  } finally {
    other.remove()
  }
})

describe('a damaged directory', () => {
  it('names an event, an object and a served file, all in one run, with exit 12', async () => {
    const dir = box.copy()
    const event = join(dir, 'cas/acme/event-6.json')
    writeFileSync(event, readFileSync(event, 'utf8').replace('64496', '64497'))
    const served = realpathSync(join(dir, 'repo/rsync/current'))
    const manifest = readdirSync(join(served, 'testbed/0')).find((name) => name.endsWith('.mft')) ?? ''
    const sha256 = sha256Hex(readFileSync(join(served, 'testbed/0', manifest)))
    const object = join('objects', sha256.slice(0, 2), sha256)
    // the served tree holds links to it: the damage shows there too
    appendFileSync(join(dir, object), 'x')
    const crl = readdirSync(join(served, 'testbed/0')).find((name) => name.endsWith('.crl')) ?? ''
    rmSync(join(served, 'testbed/0', crl))
    const { code, report } = await verify(dir)
    expect(code).toBe(12)
    expect(report).toMatchObject({ ok: false, digest: null })
    expect(faults(report)).toEqual(expect.arrayContaining(['cas/acme/event-6.json', object]))
    expect(faults(report).some((f) => f.startsWith('repo/rsync/') && f.endsWith(crl))).toBe(true)
    expect(report.aggregates.filter((a) => a.problems.length > 0).map((a) => a.handle)).toEqual(['acme'])
    const text = await runAt(dir, ['audit', 'verify'])
    expect(text.stdout).toContain('cas/acme/event-6.json: content does not match its recorded hash')
  })

  it('is read while a command could not be: nothing is moved or mended', async () => {
    const dir = box.copy()
    const command = join(dir, 'cas/acme/command-2.json')
    writeFileSync(command, 'x')
    expect(faults((await verify(dir)).report)).toContain('cas/acme/command-2.json')
    expect(readFileSync(command, 'utf8')).toBe('x')
  })
})

describe('what is published for a CA', () => {
  it('was named by an event of that CA, or is a fault with its place', async () => {
    const dataDir = box.copy()
    const session = await openSession({ dataDir, actor: 'x', osUser: 'x', host: 'x', command: 'x', nowOverride: NOW })
    const bytes = new TextEncoder().encode('a ROA that the CA never made')
    const sha256 = sha256Hex(bytes)
    await session.store.write(async (writer) => {
      const id = { kind: 'pubd' as const, handle: PUBD_HANDLE }
      const loaded = writer.load(id)
      const state = replay(pubd, PUBD_HANDLE, loaded)
      const at = session.clockFor(writer).now()
      const put = [{ name: '0/forged.roa', sha256, size: bytes.length }]
      const change = { publisher: 'acme', base: state.publishers['acme']?.base ?? '', put, drop: [] }
      const event: PubdEvent = {
        type: 'published',
        serial: state.serial + 1,
        at,
        part: 'a'.repeat(32),
        changes: [change],
        retained: 5,
      }
      writer.commit({
        meta: { at, actor: 'x', osUser: 'x', host: 'x', configDigest: session.configDigest },
        objects: new Map([[sha256, bytes]]),
        aggregates: [
          {
            id,
            version: loaded?.version ?? 0,
            sequence: loaded?.sequence ?? 0,
            command: { type: 'publish', args: {} },
            effect: { result: 'accepted', events: [event], state: pubd.evolve(state, event) as unknown as Json },
          },
        ],
      })
    })
    const { code, report } = await verify(dataDir)
    expect(code).toBe(12)
    expect(report.problems).toContainEqual({
      file: 'pubd/0',
      path: "$.publishers.acme.objects['0/forged.roa']",
      problem: `${sha256} is published, but no event of acme references it`,
    })
  })
})
