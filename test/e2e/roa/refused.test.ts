/** ROAs that cannot be: every fault of a set at once, each with its place, and nothing of the set taken. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  expectRefused,
  footprint,
  inTurn,
  makeSandbox,
  type Refusal,
  type Sandbox,
  STANDING,
  withoutRecords,
} from '../../support/sites/bad-input-box.js'

let sandbox: Sandbox & { readonly remove: () => void }

beforeAll(async () => {
  sandbox = await makeSandbox()
})
afterAll(() => sandbox.remove())

interface Roas {
  readonly roas: readonly { readonly prefix: string; readonly maxLength: number; readonly asn: number }[]
}

async function standing({ run }: Sandbox): Promise<readonly string[]> {
  const { roas } = (await run(['roa', 'list', 'acme', '--json'])).json<Roas>()
  return roas.map(({ prefix, maxLength, asn }) => `${prefix}-${maxLength} => ${asn}`)
}

/** Unreadable text: nothing of it reaches the CA, not even its history. */
async function expectUnread(cases: readonly (readonly [string, Refusal])[]): Promise<void> {
  const before = footprint(sandbox.dir)
  await inTurn(cases, ([roa, refusal]) => expectRefused(sandbox, ['roa', 'add', 'acme', '--', roa], refusal))
  expect(footprint(sandbox.dir)).toEqual(before)
}

function rejected(code: string, ...says: readonly string[]): Refusal {
  return { exit: 1, code, says }
}

describe('text that is no ROA', () => {
  const prefixes: readonly (readonly [string, string, string])[] = [
    ['B021', '10.0.0.0/33', 'from 0 to 32'],
    ['B022', '10.0.0.1/24', 'the network is 10.0.0.0/24'],
    ['B023', '010.0.0.0/8', 'leading zeros'],
    ['B026', '10/8', 'four decimal numbers'],
    ['B027', '2001:db8::/129', 'from 0 to 128'],
    ['B028', '2001:db8::1/32', 'the network is 2001:db8::/32'],
    ['B029', '::ffff:10.0.0.0/104', 'hexadecimal'],
    ['B030', '10.0.0.0', 'no length'],
    ['B031', '10.0.0.0/-1', 'from 0 to 32'],
    ['B032', '10.0.0.0/8 ', '"10.0.0.0/8 "'],
    ['B033', '１０.0.0.0/8', 'four decimal numbers'],
  ]

  it('B021-B033: prefixes: host bits, lengths, forms that look like others; the message names the prefix and the reason', () =>
    expectUnread(
      prefixes.map(([, prefix, reason]) => [
        `${prefix}=AS64496`,
        {
          exit: 2,
          code: reason.startsWith('the network') ? 'roa-host-bits' : 'roa-prefix-invalid',
          says: [prefix.trim(), reason],
        },
      ]),
    ))

  it('B024, B025: a maxLength below the length or beyond the family', () =>
    expectUnread(
      ['10.0.0.0/8-7', '10.0.0.0/8-33', '2001:db8::/32-129', '10.0.0.0/8-', '10.0.0.0/8-x'].map((text) => [
        `${text} => 64496`,
        { exit: 2, code: 'roa-max-length', says: [text, 'from the prefix length'] },
      ]),
    ))

  it('B034-B040: AS numbers beyond 2^32-1 and texts that other parsers take for numbers; an empty one is never AS0', async () => {
    const bad = ['AS4294967296', '4294967296', '-1', '1e3', '0x10', '64512abc', '1.5', '', 'AS', '٣']
    await expectUnread(
      bad.map((asn) => [
        `192.0.2.0/25 => ${asn}`,
        { exit: 2, code: 'roa-asn-invalid', says: [`"${asn}"`, '4294967295'] },
      ]),
    )
    expect(await standing(sandbox)).toEqual([STANDING])
  })
})

describe('rules', () => {
  it('a prefix not held, a duplicate in the CA and in the set, an unknown one removed: rejected, and only the record stays', async () => {
    const box = sandbox.copy()
    const before = withoutRecords(footprint(box.dir))
    const cases: readonly (readonly [readonly string[], Refusal])[] = [
      [
        ['roa', 'add', 'acme', '10.0.0.0/8=AS1'],
        rejected('roa-not-held', '10.0.0.0/8-8 => 1', 'acme does not hold 10.0.0.0/8'),
      ],
      [['roa', 'add', 'acme', '192.0.0.0/16=AS1'], rejected('roa-not-held', '192.0.0.0/16')],
      [['roa', 'add', 'acme', STANDING], rejected('roa-duplicate', STANDING, 'acme has it already')],
      [
        ['roa', 'add', 'acme', '192.0.2.0/25=AS1', '192.0.2.0/25-25 => 1'],
        rejected('roa-duplicate', 'added twice in this set'),
      ],
      [
        ['roa', 'remove', 'acme', '192.0.2.0/25=AS1'],
        rejected('roa-unknown', '192.0.2.0/25-25 => 1', 'acme has no such ROA'),
      ],
      [['roa', 'add', 'nobody', '192.0.2.0/25=AS1'], rejected('ca-unknown', 'nobody')],
      [['child', 'update', 'testbed', 'nobody', '--add', 'AS1', '--yes'], rejected('child-unknown', 'nobody')],
      [
        ['child', 'add', 'acme', 'x', '--local', '--resources', 'AS64496,10.0.0.0/8'],
        rejected('child-not-held', '10.0.0.0/8'),
      ],
      [['ca', 'add', 'acme'], rejected('ca-duplicate', 'acme')],
    ]
    for (const [args, refusal] of cases) await expectRefused(box, args, refusal)
    expect(withoutRecords(footprint(box.dir))).toEqual(before)
    const { commands } = (await box.run(['history', 'list', 'ca/acme', '--json'])).json<{
      commands: { result: string }[]
    }>()
    expect(commands.filter((c) => c.result === 'rejected')).toHaveLength(7)
  })

  it('a dry run finds the same faults, with the same exit codes, and leaves no record', async () => {
    const before = footprint(sandbox.dir)
    await expectRefused(sandbox, ['roa', 'add', 'acme', '10.0.0.0/8=AS1', STANDING, '--dry-run'], {
      exit: 1,
      code: 'several-faults',
      says: ['2 violations', 'acme does not hold 10.0.0.0/8', 'acme has it already'],
    })
    await expectRefused(sandbox, ['roa', 'add', 'acme', '10.0.0.1/8=AS1', '--dry-run'], {
      exit: 2,
      code: 'roa-host-bits',
    })
    expect(footprint(sandbox.dir)).toEqual(before)
  })
})

describe('a set', () => {
  const lines = [
    '# changes of the day',
    'A: 192.0.2.0/25 => 64496', // 2: good
    'A: 10.0.0.1/8 => 64496', // 3: host bits
    'nonsense', // 4
    'R: 192.0.2.0/30 => 64496', // 5: unknown
    'A: 198.51.100.0/24 => 4294967296', // 6: AS number
    'A: 198.51.100.0/24 => 1', // 7: not held
    'A: 192.0.2.0/24 => 64496', // 8: a duplicate in the CA
    'A: 192.0.2.0/25-25 => 64496', // 9: a duplicate in the set
  ]

  it('B042: tells what it cannot read and what the rules forbid together, in the order of the lines, and takes none of it', async () => {
    const before = footprint(sandbox.dir)
    const told = await expectRefused(
      sandbox,
      ['roa', 'update', 'acme', '--file', '-'],
      { exit: 2, code: 'several-faults' },
      { input: lines.join('\n') },
    )
    expect(told.message.split('\n').map((line) => line.trim())).toEqual([
      '7 violations:',
      'line 2, line 9: 192.0.2.0/25-25 => 64496: added twice in this set',
      'line 3: invalid prefix "10.0.0.1/8": bits are set beyond the length; the network is 10.0.0.0/8',
      'line 4: invalid line "nonsense": it begins with A: or R:',
      'line 5: 192.0.2.0/30-30 => 64496: acme has no such ROA',
      'line 6: invalid ROA "198.51.100.0/24 => 4294967296": "4294967296" is not an AS number from 0 to 4294967295',
      'line 7: 198.51.100.0/24-24 => 1: acme does not hold 198.51.100.0/24',
      'line 8: 192.0.2.0/24-24 => 64496: acme has it already',
    ])
    expect(footprint(sandbox.dir)).toEqual(before)
  })

  it('tells arguments the same way, also for a CA that is not there', async () => {
    const roas = ['10.0.0.1/8=AS1', '10.0.0.0/8=AS1', '192.0.2.0/24=AS64496']
    const all = { exit: 2, code: 'several-faults', says: ['3 violations', 'host', 'does not hold', 'has it already'] }
    await expectRefused(sandbox, ['roa', 'add', 'acme', ...roas], {
      ...all,
      says: ['3 violations', 'bits are set', 'does not hold', 'has it already'],
    })
    await expectRefused(sandbox, ['roa', 'remove', 'acme', '10.0.0.0/33=AS1', '192.0.2.0/30=AS1'], {
      exit: 2,
      code: 'several-faults',
      says: ['10.0.0.0/33', 'no such ROA'],
    })
    await expectRefused(sandbox, ['roa', 'add', 'nobody', '10.0.0.1/8=AS1'], {
      exit: 2,
      code: 'several-faults',
      says: ['10.0.0.1/8', 'there is no CA nobody'],
    })
  })

  it('is rejected (1) with the line of each fault where all of it can be read', async () => {
    const box = sandbox.copy()
    const before = withoutRecords(footprint(box.dir))
    const input = 'R: 192.0.2.0/24 => 64496\n\nA: 192.0.2.0/24-24 => 64496\nA: 10.0.0.0/8 => 1\n'
    const told = await expectRefused(
      box,
      ['roa', 'update', 'acme', '--file', '-'],
      { exit: 1, code: 'several-faults' },
      { input },
    )
    expect(told.message.split('\n').map((line) => line.trim())).toEqual([
      '2 violations:',
      'line 1, line 3: 192.0.2.0/24-24 => 64496: both added and removed in this set',
      'line 4: 10.0.0.0/8-8 => 1: acme does not hold 10.0.0.0/8',
    ])
    expect(withoutRecords(footprint(box.dir))).toEqual(before)
  })

  it('--idempotent takes what is so already, the same line twice included, and still refuses a contradiction', async () => {
    const box = sandbox.copy()
    const update = (input: string) => box.run(['roa', 'update', 'acme', '--file', '-', '--idempotent'], { input })
    const again = 'A: 192.0.2.0/24 => 64496\nR: 192.0.2.0/30 => 1\nA: 192.0.2.0/24 => 64496\n'
    const before = footprint(box.dir)
    expect(await update(again)).toMatchObject({ code: 0, stdout: 'acme: nothing to do\n' })
    expect(footprint(box.dir)).toEqual(before)
    expect((await update(`${again}A: 192.0.2.0/26 => 1\nA: 192.0.2.0/26 => 1\n`)).code).toBe(0)
    expect(await standing(box)).toEqual([STANDING, '192.0.2.0/26-26 => 1'])
    expect((await update('A: 192.0.2.0/27 => 1\nR: 192.0.2.0/27 => 1\n')).code).toBe(1)
  })

  it('as JSON: taken as lines are, its faults with the index, no key passed over, no list given twice', async () => {
    const box = sandbox.copy()
    const good = {
      added: [
        { prefix: '192.0.2.0/25', maxLength: 26, asn: 64496, comment: 'office' },
        { prefix: '2001:db8::/32', asn: 'AS64496' },
      ],
      removed: [{ prefix: '192.0.2.0/24', asn: 64496 }],
    }
    const bad = {
      added: [
        { prefix: '192.0.2.0/25', asn: 64496, max_length: 26 },
        { prefix: '192.0.2.0/25', asn: 4294967296 },
        { prefix: '10.0.0.0/8', asn: 1 },
      ],
      removed: [{ prefix: '192.0.2.0/26', asn: 1 }],
    }
    const before = footprint(box.dir)
    const file = (text: string): readonly string[] => {
      writeFileSync(join(box.dir, '..', 'set.json'), text)
      return ['roa', 'update', 'acme', '--file', join(box.dir, '..', 'set.json')]
    }
    await expectRefused(box, file(JSON.stringify(bad)), {
      exit: 2,
      code: 'several-faults',
      says: [
        '4 violations',
        'added[0]: unknown key "max_length"',
        'added[1]: asn "4294967296"',
        'added[2]: 10.0.0.0/8-8 => 1: acme does not hold',
        'removed[0]: 192.0.2.0/26-26 => 1: acme has no such ROA',
      ],
    })
    const twice = '{"added":[],\n "added":[{"prefix":"192.0.2.0/25","asn":1}]}'
    await expectRefused(box, file(twice), {
      exit: 2,
      code: 'roa-json',
      says: ['line 2 column 2', '"added" appears twice'],
    })
    await expectRefused(box, file('{"added":'), { exit: 2, code: 'roa-json', says: ['line 1 column 10'] })
    expect(footprint(box.dir)).toEqual(before)
    expect((await box.run(file(JSON.stringify(good)))).code).toBe(0)
    expect(await standing(box)).toEqual(['192.0.2.0/25-26 => 64496', '2001:db8::/32-32 => 64496'])
  })

  it('B041: a file that is not there, no text, a folder, or a million lines', async () => {
    const before = footprint(sandbox.dir)
    const path = join(sandbox.dir, '..', 'set')
    const update = ['roa', 'update', 'acme', '--file']
    await expectRefused(sandbox, [...update, `${path}-none`], {
      exit: 2,
      code: 'file-unreadable',
      says: [path, 'ENOENT'],
    })
    await expectRefused(sandbox, [...update, sandbox.dir], { exit: 2, code: 'file-unreadable', says: ['EISDIR'] })
    writeFileSync(path, Buffer.from('A: 192.0.2.0/25 => 1 # caf\xe9\n', 'latin1'))
    await expectRefused(sandbox, [...update, path], { exit: 2, code: 'file-not-utf8', says: [path] })
    writeFileSync(path, 'A: 192.0.2.0/25 => 1\n'.repeat(1_000_000))
    await expectRefused(sandbox, [...update, path], { exit: 2, code: 'roa-too-many', says: ['100000'] })
    expect(footprint(sandbox.dir)).toEqual(before)
  })
})

describe('resources', () => {
  it('the whole set and a change of it at once are refused: one of them would be passed over', async () => {
    const update = ['child', 'update', 'testbed', 'acme', '--yes', '--resources', 'AS1']
    for (const more of [
      ['--add', 'AS2'],
      ['--remove', 'AS64496'],
    ])
      await expectRefused(sandbox, [...update, ...more], { exit: 2, code: 'flag-invalid', says: ['--resources'] })
  })

  it('tells every fault of a list, each by its item', async () => {
    const before = footprint(sandbox.dir)
    const text = '10.0.0.1/8,AS4294967296,,10.0.0.9-10.0.0.1,AS5-AS2,1,10.0.0.0,::/129,all'
    const told = await expectRefused(sandbox, ['ca', 'add', 'x', '--under', 'testbed', '--resources', text], {
      exit: 2,
      code: 'resources-invalid',
      says: [
        '9 violations',
        '"10.0.0.1/8"',
        'AS4294967296',
        'item 3 is empty',
        'reversed',
        '"::/129"',
        'cannot be combined',
      ],
    })
    expect(told.details['faults']).toHaveLength(9)
    expect(footprint(sandbox.dir)).toEqual(before)
  })
})
