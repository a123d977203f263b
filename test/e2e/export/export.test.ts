/** `brine export` by the built program: what it writes is no difference to plan. */
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ok } from '../../support/sites/desired-state.js'
import { refusalOf, runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

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

  it('writes the state of an earlier time, to which plan and apply lead back', async () => {
    const dir = box.copy()
    await ok(dir, ['roa', 'add', 'acme', '192.0.2.0/24 => 64496 # first'])
    const good = await ok(dir, ['export'])
    const at = await timeOf(dir)
    await ok(dir, ['roa', 'remove', 'acme', '192.0.2.0/24 => 64496'])
    await ok(dir, ['roa', 'add', 'acme', '192.0.2.0/25 => 64496'])
    await ok(dir, ['ca', 'add', 'later', '--under', 'testbed', '--resources', '198.51.100.0/24'])
    const past = await ok(dir, ['export', '--at', at])
    expect(past.stdout).toBe(good.stdout)
    const planned = await runAt(dir, ['plan', '-', '--prune', '--json'], { input: past.stdout })
    expect([planned.code, planned.json<{ counts: object }>().counts]).toMatchObject([4, { add: 1, remove: 1 }])
    await ok(dir, ['apply', '-', '--prune', '--yes'], { input: past.stdout })
    expect((await ok(dir, ['export', 'acme', 'testbed'])).stdout).toContain('192.0.2.0/24-24 => 64496 # first')
    expect((await ok(dir, ['export', '--at', await timeOf(dir), 'later'])).stdout).toContain('"later"')
    expect(await refusalOf(dir, ['export', '--at', at, 'later'])).toEqual([1, 'ca-unknown'])
  })

  it('refuses a time that has not come, or before history, and history that is damaged', async () => {
    const dir = box.copy()
    expect(await refusalOf(dir, ['export', '--at', '2030-01-01T00:00:00Z'])).toEqual([2, 'time-in-future'])
    expect(await refusalOf(dir, ['export', '--at', '2020-01-01T00:00:00Z'])).toEqual([2, 'time-before-history'])
    expect((await runAt(dir, ['export', '--at', 'yesterday'])).code).toBe(2)
    const at = await timeOf(dir)
    const event = join(dir, 'cas/acme/event-0.json')
    writeFileSync(event, readFileSync(event, 'utf8').replace('acme', 'acne'))
    expect(await refusalOf(dir, ['export', '--at', at])).toEqual([12, 'audit-broken'])
  })
})

/** Returns the time of the newest command. */
async function timeOf(dir: string): Promise<string> {
  const { commands } = (await ok(dir, ['history', 'list', '--rows', '1', '--json'])).json<{
    commands: { at: string }[]
  }>()
  return commands[0]?.at ?? ''
}
