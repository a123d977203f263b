/** `brine export` by the built program: what it writes is no difference to plan. */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ok } from '../../support/sites/desired-state.js'
import { refusalOf, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
})
afterAll(() => box.remove())

describe('export', () => {
  it('writes what plan finds no difference with, in both formats, and never over a file', async () => {
    const dir = box.copy()
    await ok(dir, ['roa', 'add', 'acme', '192.0.2.0/24-28 => 64496 # a "quoted" note', '192.0.2.0/25 => 1'])
    const exported = await ok(dir, ['export'])
    expect(exported.stdout).toContain('  "192.0.2.0/24-28 => 64496 # a \\"quoted\\" note",\n')
    expect(exported.stdout.indexOf('handle = "acme"')).toBeLessThan(exported.stdout.indexOf('handle = "testbed"'))
    expect((await ok(dir, ['plan', '-', '--prune'], { input: exported.stdout })).stdout).toBe('no difference\n')
    const json = await ok(dir, ['export', '--format', 'json'])
    expect(json.stdout).toBe((await ok(dir, ['export', '--json'])).stdout)
    expect((await ok(dir, ['plan', '-', '--prune'], { input: json.stdout })).stdout).toBe('no difference\n')
    const out = join(box.path, 'out.toml')
    expect((await ok(dir, ['export', '--out', out])).stdout).toBe(`written to ${out}: 2 CAs\n`)
    expect([readFileSync(out, 'utf8'), statSync(out).mode & 0o777]).toEqual([exported.stdout, 0o600])
    expect(await refusalOf(dir, ['export', '--out', out])).toEqual([2, 'file-exists'])
  })

  it('writes the CAs that are named', async () => {
    const { stdout } = await ok(box.dataDir, ['export', 'acme'])
    expect([stdout.includes('"acme"'), stdout.includes('handle = "testbed"\n')]).toEqual([true, false])
    expect(await refusalOf(box.dataDir, ['export', 'acne'])).toEqual([1, 'ca-unknown'])
  })
})
