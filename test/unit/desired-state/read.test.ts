/** Desired-state files: what is read from TOML and JSON, and every fault of a file with its line. */
import { describe, expect, it } from 'vitest'
import { AppError } from '../../../src/core/base/errors.js'
import { parseHandle } from '../../../src/core/base/handle.js'
import { MAX_STATE_BYTES, readState } from '../../../src/core/desired-state/read.js'

const ACME = parseHandle('acme')
const lines = (...text: readonly string[]): string => `${text.join('\n')}\n`
const toml = (...text: readonly string[]): string => lines('format = 1', ...text)

/** Returns the error that a text is refused with. */
async function refusal(text: string): Promise<AppError> {
  const error: unknown = await readState(text, 'state.toml').then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof AppError)) throw new Error(`not refused: ${String(error)}`)
  return error
}

/** Returns the messages of the faults of a text. */
async function faults(text: string): Promise<readonly string[]> {
  const { kind, details } = await refusal(text)
  expect(kind).toBe('usage')
  return (details as { readonly faults: readonly { readonly message: string }[] }).faults.map(({ message }) => message)
}

it('reads lists as they are written, in canonical form', async () => {
  const { cas } = await readState(
    toml(
      '[[ca]]',
      'handle = "acme"',
      'parents = [{ handle = "testbed", resources = "192.0.2.128/25, 192.0.2.0/25,AS64496" }]',
      'roas = ["192.0.2.0/24=AS64496", "2001:DB8::/32 => 64496 # office", { prefix = "192.0.2.0/25", asn = 1 }]',
    ),
    'f',
  )
  const acme = cas.get(ACME)
  expect([...(acme?.parents ?? [])]).toEqual([['testbed', 'AS64496, 192.0.2.0/24']])
  expect([...(acme?.roas ?? [])]).toEqual([
    ['192.0.2.0/24-24 => 64496', null],
    ['2001:db8::/32-32 => 64496', 'office'],
    ['192.0.2.0/25-25 => 1', null],
  ])
  expect(acme?.children).toBeUndefined()
})

it('reads the same from JSON', async () => {
  const text =
    '{"format":1,"cas":[{"handle":"acme","roas":["10.0.0.0/8 => 1",{"prefix":"10.0.0.0/9","asn":"AS2","comment":"x"}]}]}'
  const roas = (await readState(text, 'f')).cas.get(ACME)?.roas
  expect([...(roas ?? [])]).toEqual([
    ['10.0.0.0/8-8 => 1', null],
    ['10.0.0.0/9-9 => 2', 'x'],
  ])
})

it('reads line ends of Windows, tabs and a byte order mark', async () => {
  const text = '\uFEFFformat = 1\r\n\r\n[[ca]]\r\n\thandle\t=\t"acme"\r\n\troas = [\t"10.0.0.0/8\t=>\t1",\r\n]\r\n'
  expect([...((await readState(text, 'f')).cas.get(ACME)?.roas ?? [])]).toEqual([['10.0.0.0/8-8 => 1', null]])
})

it('reads ASPAs as text and as rows, in canonical form', async () => {
  const text = toml(
    '[[ca]]',
    'handle = "acme"',
    'aspas = ["64497=AS2,1", "AS64496 => 0 # none", { customer = "AS64498", providers = [3, "AS2"], comment = " x " }]',
  )
  expect([...((await readState(text, 'f')).cas.get(ACME)?.aspas ?? [])]).toEqual([
    ['AS64497', 'AS1, AS2'],
    ['AS64496', 'AS0 # none'],
    ['AS64498', 'AS2, AS3 # x'],
  ])
})

describe('faults', () => {
  it('names each ASPA that is none, with its line', async () => {
    const text = toml(
      '[[ca]]',
      'handle = "acme"',
      'aspas = [',
      '  "64496 => 0, 1",',
      '  "64496",',
      '  { customer = 1, providers = [] },',
      '  { customer = 1, providers = [1.5] },',
      '  { customer = -1, providers = [1] },',
      '  { customer = 1, providers = [2, 2], note = "x" },',
      '  { customer = 1, providers = [2], comment = "a\\nb" },',
      '  7,',
      '  "AS1 => 2",',
      '  "1 => 3",',
      ']',
    )
    expect(await faults(text)).toEqual([
      'line 5: AS64496: AS0 says that there is no provider, and is listed with others',
      expect.stringMatching(/^line 6: invalid ASPA "64496"/),
      'line 7: AS1: no providers; AS0 alone says that it has none',
      'line 8: providers must be a list of AS numbers',
      'line 9: customer must be an AS number, not -1',
      expect.stringMatching(/^line 10: unknown key "note"/),
      'line 10: AS1: provider AS2 is listed twice',
      'line 11: a comment is one line without control characters and direction marks',
      'line 12: an ASPA must be a string or a table, not 7',
      'line 14: AS1 is in the list twice',
    ])
  })

  it('names unknown keys with the one that was meant, and their lines', async () => {
    const text = toml(
      '',
      '[[ca]]',
      'handle = "acme"',
      'rosa = []',
      'parents = [',
      '  { handel = "x", resources = "all" },',
      ']',
    )
    expect(await faults(`${text}formt = 1\n`)).toEqual([
      'line 5: unknown key "rosa", did you mean roas?',
      'line 9: unknown key "formt"',
      'line 7: unknown key "handel", did you mean handle?',
      'line 7: handle is missing',
    ])
    expect(await faults('formt = 1\nformat = 1\n')).toEqual(['line 1: unknown key "formt", did you mean format?'])
    expect(
      await faults('{"format":1,"cas":[{"handle":"a","roas":[{"prefix":"10.0.0.0/8","asn":1,"maxLen":9}]}]}'),
    ).toEqual(['cas[0].roas[0].maxLen: unknown key "maxLen"'])
  })

  it('names what is there twice', async () => {
    const text = toml(
      ...['[[ca]]', 'handle = "acme"', 'roas = [', '  "10.0.0.0/8 => 1", # "a", "b"', '  "10.0.0.0/8-8=AS1",', ']'],
      ...['children = [', '  { handle = "c", resources = "none" },', '  { handle = "c", resources = "all" },', ']'],
      ...['[[ca]]', 'handle = "acme"'],
    )
    expect(await faults(text)).toEqual([
      'line 10: c is in children twice',
      'line 6: 10.0.0.0/8-8 => 1 is in the list twice',
      'line 13: CA acme is in the file twice',
    ])
    const [json] = await faults('{"format":1,"cas":[],"cas":[]}')
    expect(json).toContain('"cas" appears twice')
  })

  it('names values of another type, dates among them', async () => {
    const text = toml(
      '[[ca]]',
      'handle = 1979-05-27',
      'roas = [',
      '  "10.0.0.0/8 => 1", 2026-11-21T12:00:00Z,',
      '  7,',
      ']',
    )
    expect(await faults(`${text}parents = "testbed"\n`)).toEqual([
      'line 3: handle must be a string, not a date',
      'line 8: parents must be a list, not "testbed"',
      'line 5: a ROA must be a string or a table, not a date',
      'line 6: a ROA must be a string or a table, not 7',
    ])
  })

  it('names prefixes, AS numbers, resources and handles that are none', async () => {
    const text = toml(
      ...['[[ca]]', 'handle = "a b"', 'roas = ["10.0.0.1/8 => 1", "10.0.0.0/8-7 => x", "10.0.0.0/8 => 1 # \\u202e"]'],
      'parents = [{ handle = "p", resources = "64496" }]',
    )
    const found = await faults(text)
    expect(found.length).toBe(6)
    for (const message of found) expect(message).toMatch(/^line [345]: /)
  })

  it('names CAs below themselves, and children that are CAs of the file', async () => {
    const ca = (handle: string, parent: string) => [
      '[[ca]]',
      `handle = "${handle}"`,
      `parents = [{ handle = "${parent}", resources = "none" }]`,
    ]
    expect(await faults(toml(...ca('a', 'b'), ...ca('b', 'a')))).toEqual([
      'line 4: a is among the parents above itself',
      'line 7: b is among the parents above itself',
    ])
    const child = toml(...ca('a', 'ta'), 'children = [{ handle = "b", resources = "none" }]', ...ca('b', 'a'))
    expect(await faults(child)).toEqual([
      'line 5: b has a among its parents: leave it out of the children, which are those elsewhere',
    ])
  })

  it('refuses text of no format, of another and of a newer one', async () => {
    expect((await refusal('')).message).toContain('the file is empty')
    expect((await refusal(' \r\n')).message).toContain('the file is empty')
    expect((await refusal('[[ca]]\nhandle = "a"\n')).message).toContain('format = 1 is missing')
    expect((await refusal('format = "1"\n')).message).toContain('format must be 1, not "1"')
    expect((await refusal('format = 1979-05-27\n')).message).toContain('format must be 1, not a date')
    expect(await refusal('format = 2\n')).toMatchObject({ kind: 'format', code: 'state-newer' })
  })

  it('refuses what is neither TOML nor JSON, with the line', async () => {
    expect(await faults('format = 1\n[[ca]\n')).toEqual([expect.stringMatching(/^line 2: not TOML/)])
    expect(await faults('{\n"format": 1,}')).toEqual([expect.stringMatching(/^line 2: not JSON/)])
    expect(await faults('format = 1\nformat = 1\n')).toEqual([expect.stringMatching(/^line 2: not TOML/)])
  })

  it('refuses more ROAs in a CA, and more bytes, than any holder has', async () => {
    const roas = Array.from({ length: 100_001 }, () => '"",').join('\n')
    expect(await faults(toml('[[ca]]', 'handle = "a"', `roas = [${roas}]`))).toEqual([
      'line 4: too many ROAs: more than 100000 in one set',
    ])
    expect(await refusal('#'.repeat(MAX_STATE_BYTES + 1))).toMatchObject({ kind: 'usage', code: 'state-too-large' })
  })

  it('lists a hundred thousand faults in seconds, and shows few', async () => {
    const roas = Array.from({ length: 100_000 }, () => '  "10.0.0.1/8 => 1",').join('\n')
    const { message } = await refusal(toml('[[ca]]', 'handle = "a"', 'roas = [', roas, ']'))
    expect(message.split('\n').length).toBeLessThan(30)
  }, 20_000)
})

it('finds the entry of a list for what a CA finds wrong with it', async () => {
  const text = toml(
    '[[ca]]',
    'handle = "acme"',
    'roas = [',
    '  # first',
    '  "10.0.0.0/8 => 1", "10.0.0.0/9=2",',
    '',
    '  "::/0 => 3",',
    ']',
  )
  const { placeOf } = await readState(text, 'f')
  expect(placeOf(ACME, 'roa', '10.0.0.0/9-9 => 2').line).toBe(6)
  expect(placeOf(ACME, 'roa', '::/0-0 => 3').line).toBe(8)
  expect(placeOf(ACME, 'ca', 'acme').line).toBe(2)
})
