/** `brine plan` by the built program: between two files, and all that is refused before anything changes. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ca, contentOf, stateFile } from '../../support/sites/desired-state.js'
import { refusalOf, runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
})
afterAll(() => box.remove())

const file = (...lines: readonly string[]): string => stateFile(box, ...lines)

describe('plan', () => {
  it('needs no data directory to compare two files', async () => {
    const [before, after] = [
      file(ca('acme', undefined, '10.0.0.0/8 => 1')),
      file(ca('acme', undefined, '10.0.0.0/8 => 2')),
    ]
    const ran = await runAt(join(box.path, 'none'), ['plan', after, '--against', before, '--prune', '--json'])
    expect([ran.code, ran.json<{ counts: object }>().counts]).toEqual([4, { add: 1, remove: 1, change: 0, kept: 0 }])
    expect((await runAt(join(box.path, 'none'), ['plan', before, '--against', before])).code).toBe(0)
  })

  it('reports what every CA would reject at once, with lines, and changes nothing', async () => {
    const dir = box.copy()
    const path = file(
      ca('acme', undefined, '10.0.0.0/8 => 1', '192.0.2.0/24 => 1'),
      ca('branch', '203.0.113.0/24', '203.0.113.0/24 => 1', '11.0.0.0/8 => 1'),
      '[[ca]]',
      'handle = "lost"',
      'parents = [{ handle = "nowhere", resources = "AS1" }]',
      '[[ca]]',
      'handle = "testbed"',
      'children = [{ handle = "acme", resources = "none" }, { handle = "elsewhere", resources = "none" }]',
    )
    const before = contentOf(dir)
    for (const words of [
      ['plan', path],
      ['apply', path, '--yes'],
    ]) {
      const ran = await runAt(dir, words)
      expect(ran.code).toBe(1)
      expect(ran.stderr.split('\n').slice(0, 7)).toEqual([
        'Error: 6 violations:',
        '  line 5: acme: 10.0.0.0/8-8 => 1: acme does not hold 10.0.0.0/8',
        '  line 10: branch: child branch: this CA does not hold 203.0.113.0/24',
        '  line 13: branch: 11.0.0.0/8-8 => 1: branch does not hold 11.0.0.0/8',
        expect.stringMatching(/^ {2}line 17: lost: unknown parent nowhere: /),
        expect.stringMatching(/^ {2}line 20: testbed: acme is a CA of this data directory: /),
        expect.stringMatching(/^ {2}line 20: testbed: testbed has no child elsewhere, /),
      ])
    }
    expect(contentOf(dir)).toEqual(before)
  })

  it('refuses files that are too large or no text, before it reads them', async () => {
    const large = join(box.path, 'large.toml')
    writeFileSync(large, Buffer.alloc(50 * 2 ** 20, '#'))
    expect(await refusalOf(box.dataDir, ['plan', large])).toEqual([2, 'file-too-large'])
    const binary = join(box.path, 'binary.toml')
    writeFileSync(binary, Buffer.from([0x66, 0xff, 0xfe]))
    expect(await refusalOf(box.dataDir, ['plan', binary])).toEqual([2, 'file-not-utf8'])
    expect(await refusalOf(box.dataDir, ['apply', file().replace('state', 'absent')])).toEqual([2, 'file-unreadable'])
    const newer = join(box.path, 'newer.toml')
    writeFileSync(newer, 'format = 9\n')
    expect(await refusalOf(box.dataDir, ['plan', newer])).toEqual([13, 'state-newer'])
    expect(await refusalOf(box.dataDir, ['plan', '-', '--against', '-'])).toEqual([2, 'stdin-twice'])
  })
})
