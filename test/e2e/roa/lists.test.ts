/** Lists of ROAs in and out: files of add, remove and replace, CSV and filters of list, near matches, many violations. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { RunResult } from '../../support/processes/cli.js'
import { runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
})
afterAll(() => box.remove())

const CSV = 'ASN,IP Prefix,Max Length,Trust Anchor\nAS64496,192.0.2.0/24,26,ours\nAS64497,192.0.2.0/25,25,ours\n'

function file(name: string, text: string): string {
  const path = join(box.path, name)
  writeFileSync(path, text)
  return path
}

const listed = async (dir: string, ...flags: readonly string[]): Promise<string> =>
  (await runAt(dir, ['roa', 'list', 'acme', '--csv', ...flags])).stdout
const errorOf = (ran: RunResult) =>
  ran.json<{ error: { code: string; message: string; details: { faults: readonly { message: string }[] } } }>().error

it('add reads the CSV of a validator, and list --csv goes back in, comments included', async () => {
  const dir = box.copy()
  const added = await runAt(dir, [
    'roa',
    'add',
    'acme',
    '192.0.2.128/25 => 64496 # "a", b',
    '--file',
    file('a.csv', CSV),
  ])
  expect([added.code, added.stderr]).toEqual([0, ''])
  const csv = await listed(dir)
  expect(csv).toBe(
    [
      'ASN,IP Prefix,Max Length,Comment',
      'AS64496,192.0.2.0/24,26,',
      'AS64497,192.0.2.0/25,25,',
      'AS64496,192.0.2.128/25,25,"""a"", b"',
      '',
    ].join('\n'),
  )
  const same = await runAt(dir, ['roa', 'replace', 'acme', '--file', file('out.csv', csv), '--json'])
  expect([same.code, same.json()]).toEqual([0, expect.objectContaining({ added: [], removed: [], changed: 'no' })])
  const other = box.copy()
  expect((await runAt(other, ['roa', 'add', 'acme', '--file', '-'], { input: csv })).code).toBe(0)
  expect(await listed(other)).toBe(csv)
  expect((await runAt(other, ['roa', 'remove', 'acme', '--file', '-'], { input: csv })).code).toBe(0)
  expect(await listed(other)).toBe('ASN,IP Prefix,Max Length,Comment\n')
})

it('replace makes the ROAs exactly those that are given, and refuses an empty list', async () => {
  const dir = box.copy()
  const first = ['roa', 'add', 'acme', '192.0.2.0/24-26 => 64496 # kept', '192.0.2.0/26 => 1']
  expect((await runAt(dir, first)).code).toBe(0)
  const path = file(
    'roas.json',
    '{"roas":[{"asn":"AS64496","prefix":"192.0.2.0/24","maxLength":26,"ta":"x"},{"asn":64497,"prefix":"192.0.2.0/25","maxLength":25}]}',
  )
  const dry = (await runAt(dir, ['roa', 'replace', 'acme', '--file', path, '--dry-run', '--json'])).json()
  expect(dry).toMatchObject({ dryRun: true, added: ['192.0.2.0/25-25 => 64497'], removed: ['192.0.2.0/26-26 => 1'] })
  const done = (await runAt(dir, ['roa', 'replace', 'acme', '--file', path, '--json'])).json()
  expect(done).toMatchObject({ dryRun: false, added: ['192.0.2.0/25-25 => 64497'], removed: ['192.0.2.0/26-26 => 1'] })
  expect(await listed(dir)).toContain('AS64496,192.0.2.0/24,26,kept\n')
  for (const text of ['', 'ASN,IP Prefix,Max Length\n', '{"roas":[]}']) {
    const none = await runAt(dir, ['roa', 'replace', 'acme', '--file', '-', '--json'], { input: text })
    expect([none.code, errorOf(none).code]).toEqual([2, 'roa-none'])
  }
  const nothing = await runAt(dir, ['roa', 'add', 'acme', '--json'])
  expect([nothing.code, errorOf(nothing).code]).toEqual([2, 'argument-missing'])
})

it('list selects by AS and by prefix, with what covers it and what lies in it', async () => {
  const dir = box.copy()
  const roas = ['192.0.2.0/24 => 64496', '192.0.2.0/25 => 64497', '192.0.2.128/25 => 64496']
  expect((await runAt(dir, ['roa', 'add', 'acme', ...roas])).code).toBe(0)
  const prefixes = async (...flags: readonly string[]): Promise<readonly string[]> =>
    (await runAt(dir, ['roa', 'list', 'acme', '--json', ...flags]))
      .json<{ roas: readonly { prefix: string }[] }>()
      .roas.map(({ prefix }) => prefix)
  expect(await prefixes('--asn', 'AS64497')).toEqual(['192.0.2.0/25'])
  expect(await prefixes('--prefix', '192.0.2.0/25')).toEqual(['192.0.2.0/24', '192.0.2.0/25'])
  expect(await prefixes('--prefix', '192.0.0.0/16', '--asn', '64496')).toEqual(['192.0.2.0/24', '192.0.2.128/25'])
  for (const wrong of [
    ['--asn', 'ASX'],
    ['--prefix', '192.0.2.1/24'],
  ])
    expect((await runAt(dir, ['roa', 'list', 'acme', ...wrong])).code).toBe(2)
})

it('what a newcomer types wrong is named: a file as an argument, a ROA without its CA, an arrow that the shell took', async () => {
  const path = file('vrps.csv', CSV)
  const asArgument = await runAt(box.path, ['roa', 'replace', 'acme', path])
  expect([asArgument.code, asArgument.stderr]).toEqual([
    2,
    expect.stringContaining(`to read ROAs from it: --file ${path}`),
  ])
  const withoutCa = await runAt(box.path, ['roa', 'add', '192.0.2.0/24', '64496'])
  expect([withoutCa.code, withoutCa.stderr]).toEqual([
    2,
    expect.stringContaining('brine roa add CA 192.0.2.0/24=AS64496'),
  ])
  const unquoted = await runAt(box.copy(), ['roa', 'remove', 'acme', '192.0.2.0/24', '='])
  expect([unquoted.code, unquoted.stderr]).toEqual([2, expect.stringContaining('the shell took the > of =>')])
})

it('a removal that differs in maxLength alone names what is there', async () => {
  const dir = box.copy()
  expect((await runAt(dir, ['roa', 'add', 'acme', '192.0.2.0/24-26 => 64496'])).code).toBe(0)
  const ran = await runAt(dir, ['roa', 'remove', 'acme', '192.0.2.0/24 => 64496', '--json'])
  expect([ran.code, errorOf(ran)]).toEqual([
    1,
    expect.objectContaining({
      code: 'roa-unknown',
      message: '192.0.2.0/24-24 => 64496: acme has no such ROA, it has 192.0.2.0/24-26 => 64496',
    }),
  ])
})

it('the violations of a large file are cut short on the screen, counted, and complete with --json', async () => {
  const rows = Array.from({ length: 300 }, (_, i) => `AS1,10.0.${i % 256}.1/24,${i}`)
  const path = file('wrong.csv', `ASN,IP Prefix,Max Length\n${rows.join('\n')}\n`)
  const text = await runAt(box.dataDir, ['roa', 'add', 'acme', '--file', path])
  expect(text.code).toBe(2)
  expect(text.stderr).toContain('300 violations:')
  expect(text.stderr).toContain('and 280 more, all of them with --json')
  expect(text.stderr.split('\n').filter((line) => line.includes('invalid prefix'))).toHaveLength(20)
  const { details } = errorOf(await runAt(box.dataDir, ['roa', 'add', 'acme', '--file', path, '--json']))
  expect(details.faults).toHaveLength(300)
})

it('takes the held lines of a file only if asked, names the others and exits with 3', async () => {
  const dir = box.copy()
  const path = file('mixed.csv', `${CSV}AS64496,10.0.0.0/24,24,ours\n`)
  const refused = await runAt(dir, ['roa', 'add', 'acme', '--file', path])
  expect([refused.code, refused.stderr]).toEqual([
    1,
    expect.stringMatching(/Hint: brine ca show acme .*--skip-not-held/),
  ])
  for (const verb of ['add', 'replace', 'add']) {
    const same = verb === 'add' ? ['--idempotent'] : []
    const ran = await runAt(dir, ['roa', verb, 'acme', '--file', path, '--skip-not-held', ...same])
    expect([verb, ran.code, ran.stdout]).toEqual([
      verb,
      3,
      expect.stringContaining('not held, left out: 10.0.0.0/24-24'),
    ])
    expect((await listed(dir)).trim().split('\n')).toHaveLength(3)
  }
  const quiet = await runAt(dir, ['roa', 'update', 'acme', '--file', '-', '--skip-not-held', '--quiet'], {
    input: 'A: 10.0.0.0/24 => 1\nR: 192.0.2.0/25 => 64497\n',
  })
  expect([quiet.code, quiet.stdout, quiet.stderr]).toEqual([3, '', expect.stringContaining('left out: 10.0.0.0/24-24')])
  const all = await runAt(dir, ['roa', 'add', 'acme', '192.0.2.0/28 => 1', '--skip-not-held', '--json'])
  expect([all.code, all.json()]).toEqual([0, expect.objectContaining({ skipped: [] })])
})

it('names the way on for a ROA that is written in halves, and for a list that has several faults', async () => {
  const dir = box.copy()
  const halves = await runAt(dir, ['roa', 'remove', 'acme', '192.0.2.0/25'])
  expect([halves.code, halves.stderr]).toEqual([
    2,
    expect.stringMatching(/AS number is missing.*\n?.*brine roa list acme/s),
  ])
  expect((await runAt(dir, ['roa', 'add', 'acme', '192.0.2.0/25', 'AS1'])).stderr).toContain('the prefix is missing')
  await runAt(dir, ['roa', 'add', 'acme', '192.0.2.0/24=AS1'])
  const both = await runAt(dir, ['roa', 'add', 'acme', '192.0.2.0/24=AS1', '10.0.0.0/8=AS1'])
  expect(both.stderr).toMatch(/--skip-not-held; .*--idempotent/)
})
