/** An object of one CA is gone or damaged: status, tick and audit verify say so, and every other CA is changed and served as ever. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TickReport } from '../../../src/core/app/operations/tick.js'
import type { StatusReport } from '../../../src/core/app/status/report.js'
import { makeSandbox, NEXT_DAY, NOW, type Sandbox } from '../../support/sites/bad-input-box.js'

let sandbox: Sandbox & { readonly remove: () => void }

beforeAll(async () => {
  sandbox = await makeSandbox()
  const { code } = await sandbox.run([
    'ca',
    'add',
    'other',
    '--under',
    'testbed',
    '--resources',
    'AS64497,198.51.100.0/24',
  ])
  expect(code).toBe(0)
})
afterAll(() => sandbox.remove())

/** The file of an object that is served below this path. */
function objectOf(box: Sandbox, served: string): string {
  const sha256 = createHash('sha256')
    .update(readFileSync(join(box.dir, 'repo', served)))
    .digest('hex')
  return join(box.dir, 'objects', sha256.slice(0, 2), sha256)
}

/** `P-L => ASN` in hex. */
const ROA = `rsync/current/acme/0/${Buffer.from('192.0.2.0/24-24 => 64496').toString('hex')}.roa`

/** Written to in place, by hand. */
function scribble(path: string): void {
  const bytes = readFileSync(path)
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
  writeFileSync(path, bytes)
}

const DAMAGES = [
  ['gone', 'object-missing', (path: string) => rmSync(path)],
  ['written to, with the length it had', 'object-damaged', scribble],
  ['cut short', 'object-damaged', (path: string) => writeFileSync(path, readFileSync(path).subarray(0, 100))],
  ['empty', 'object-damaged', (path: string) => writeFileSync(path, '')],
] as const

async function told(box: Sandbox, aggregate: string, code: string, path: string): Promise<void> {
  const [kind, handle] = aggregate.split('/')
  const status = await box.run(['status', '--json'])
  const report = status.json<StatusReport>()
  expect(report.verdict).toBe('critical')
  expect(report.broken).toEqual([{ kind, handle, code, message: expect.stringContaining(path) }])
  expect(report.concerns[0]).toMatchObject({ level: 'critical', code, hint: 'brine recover --from BACKUP' })
  expect(report.concerns[0]?.message).toContain(`${aggregate}: ${path}`)
  const tick = await box.run(['tick', '--json'])
  expect(tick.code, tick.stdout).toBe(3)
  expect(tick.json<TickReport>().failed).toEqual([{ ca: handle, code, message: expect.stringContaining(path) }])
  const audit = await box.run(['audit', 'verify'])
  expect(audit.code).toBe(12)
  expect(audit.stdout).toContain(path.slice(path.indexOf('objects/')))
}

describe.each(DAMAGES)('an object of acme that is %s', (_, code, damage) => {
  it('is told, and the others are served', async () => {
    const box = sandbox.copy()
    const path = objectOf(box, ROA)
    expect(existsSync(path)).toBe(true)
    damage(path)
    await told(box, 'ca/acme', code, path)
    for (let i = 0; i < 4; i++) {
      const roa = `198.51.100.${i * 64}/26=AS64497`
      const added = await box.run(['roa', 'add', 'other', roa, '--json'])
      expect([added.code, added.json<{ published: boolean }>().published], added.stderr).toEqual([0, true])
    }
    const next = await box.run(['tick', '--json'], { now: NEXT_DAY })
    expect(
      next
        .json<TickReport>()
        .done.map((d) => d.on)
        .sort(),
    ).toEqual(['acme', 'other', 'ta', 'testbed'])
    expect(next.json<TickReport>().failed.map((f) => f.ca)).toEqual(['acme'])
    expect((await box.run(['status', '--json'], { now: NEXT_DAY })).json<StatusReport>().publication?.current).toBe(
      true,
    )
  })
})

it('an object that vanished is still served by rsync: its file lives on in the tree', async () => {
  const box = sandbox.copy()
  rmSync(objectOf(box, ROA))
  for (let i = 0; i < 3; i++) await box.run(['roa', 'add', 'other', `198.51.100.${i * 64}/26=AS64497`])
  const audit = await box.run(['audit', 'verify', '--json'])
  const { problems } = audit.json<{ problems: { file: string; problem: string }[] }>()
  expect(problems.filter((p) => p.file.startsWith('repo/rsync'))).toEqual([])
})

it('the certificate of the trust anchor', async () => {
  const box = sandbox.copy()
  const served = readFileSync(join(box.dir, 'repo', 'ta', 'ta.cer'))
  const object = objectOf(box, 'ta/ta.cer')
  rmSync(object)
  await told(box, 'ta/ta', 'object-missing', object)
  expect((await box.run(['roa', 'add', 'other', '198.51.100.0/25=AS64497'])).code).toBe(0)
  expect(readFileSync(join(box.dir, 'repo', 'ta', 'ta.cer'))).toEqual(served)
})

it('one that was only touched is well', async () => {
  const box = sandbox.copy()
  const path = objectOf(box, ROA)
  utimesSync(path, 1_700_000_000.5, 1_700_000_000.5)
  expect((await box.run(['status', '--json'], { now: NOW })).json<StatusReport>().broken).toEqual([])
  expect((await box.run(['tick'])).code).toBe(0)
})
