/** Views: the one-line endings, tables on a terminal and in a pipe, progress, lists of faults. */
import { describe, expect, test } from 'vitest'
import { AppError } from '../../../src/core/base/errors.js'
import { parseInstant } from '../../../src/core/base/time.js'
import { errorText } from '../../../src/core/cli/errors.js'
import { clockTime, counted, delta, endingLine } from '../../../src/core/cli/output/endings.js'
import { findingsView } from '../../../src/core/cli/output/findings.js'
import { formatJson, jsonReport } from '../../../src/core/cli/output/json.js'
import { plainTable, type Table } from '../../../src/core/cli/output/table.js'
import { plainTheme, themeFor } from '../../../src/core/cli/output/theme.js'
import { progressOn } from '../../../src/core/cli/terminal/progress.js'

const at = (text: string) => parseInstant(text)!

describe('the ending of a change', () => {
  const done = { subject: 'acme', sequence: 7, changes: ['+10 ROAs'] }

  test('names what changed, its sequence, the serial and the next manifest', () => {
    const ending = { ...done, publication: { serial: 812 }, nextManifest: at('2026-11-21T14:02:10Z') }
    expect(endingLine(ending)).toBe('acme seq 7: +10 ROAs; published, serial 812; next manifest 14:02Z')
  })

  test('says why it is not published', () => {
    expect(endingLine({ ...done, publication: { pending: 'no repository yet' } })).toBe(
      'acme seq 7: +10 ROAs; not published yet: no repository yet',
    )
  })

  test('of a no-op and of a dry run', () => {
    expect(endingLine({ subject: 'acme', changes: [] })).toBe('acme: nothing to do')
    expect(endingLine({ subject: 'acme', changes: ['+1 ROA', '-2 ROAs'], dryRun: true })).toBe(
      'acme: +1 ROA, -2 ROAs; dry run, nothing changed',
    )
  })

  test('writes the date of a time that is a day away', () => {
    expect(clockTime(at('2026-11-22T14:02:00Z'), at('2026-11-21T14:02:01Z'))).toBe('14:02Z')
    expect(clockTime(at('2026-11-22T14:02:00Z'), at('2026-11-21T14:02:00Z'))).toBe('2026-11-22 14:02Z')
  })

  test('counts', () => {
    expect(counted(1, 'ROA')).toBe('1 ROA')
    expect(counted(0, 'entry', 'entries')).toBe('0 entries')
    expect(delta(10, 1, 'ROA')).toEqual(['+10 ROAs', '-1 ROA'])
    expect(delta(0, 0, 'ROA')).toEqual([])
  })
})

describe('a table', () => {
  const table: Table = {
    columns: ['CA', { title: 'ROAs', align: 'right' }, 'Note'],
    rows: [
      ['acme', 10, ''],
      ['näh/ba', 1234, 'ü'],
    ],
  }

  test('in a pipe: two spaces, aligned, no blanks at the end', () => {
    expect(plainTable(table)).toBe('CA      ROAs  Note\nacme      10\nnäh/ba  1234  ü')
  })

  test('on a terminal without colour: the same', async () => {
    const theme = await themeFor({ isTerminal: true, env: { NO_COLOR: '1' } })
    expect(theme.table(table)).toBe(plainTable(table))
    expect(theme.bad('x')).toBe('x')
  })

  test('on a terminal: headings are bold, no grey rules', async () => {
    const theme = await themeFor({ isTerminal: true, env: { TERM: 'xterm' } })
    expect(theme.table(table)).toContain('\u001b[1mCA\u001b[22m')
    expect(theme.table(table)).not.toContain('\u001b[90m')
    expect(theme.good('x')).toBe('\u001b[32mx\u001b[39m')
  })

  test('no rows print nothing', async () => {
    const theme = await themeFor({ isTerminal: true, env: {} })
    for (const { table: draw } of [theme, plainTheme]) expect(draw({ columns: ['CA'], rows: [] })).toBe('')
  })

  test('colour is off in a pipe, with NO_COLOR and on a dumb terminal; an empty NO_COLOR is none', async () => {
    expect(await themeFor({ isTerminal: false, env: {} })).toBe(plainTheme)
    expect((await themeFor({ isTerminal: true, env: { TERM: 'dumb' } })).bold('x')).toBe('x')
    expect((await themeFor({ isTerminal: true, env: { NO_COLOR: '' } })).bold('x')).not.toBe('x')
  })
})

describe('progress', () => {
  const stream = (isTTY: boolean) => {
    const written: string[] = []
    return { written, isTTY, columns: 20, write: (text: string | Uint8Array) => written.push(String(text)) > 0 }
  }

  test('is one line that is replaced and taken away', () => {
    const out = stream(true)
    const progress = progressOn(out)
    progress.step('making keys', 1, 500)
    progress.step('making keys', 1, 500)
    progress.step('a very long step that does not fit')
    progress.clear()
    progress.clear()
    expect(out.written).toEqual(['making keys 1/500', '\r\u001b[K', 'a very long step th', '\r\u001b[K'])
  })

  test('has a bar where there is room for one', () => {
    const out = { ...stream(true), columns: 80 }
    const progress = progressOn(out)
    progress.step('MiB backed up', 25, 100)
    progress.step('MiB backed up', 130, 100)
    progress.step('commits', 3)
    expect(out.written.filter((text) => !text.startsWith('\r'))).toEqual([
      '[#####---------------]  25% MiB backed up 25/100',
      '[####################] 100% MiB backed up 130/100',
      'commits 3',
    ])
  })

  test('is silent without a terminal', () => {
    const out = stream(false)
    progressOn(out).step('making keys')
    expect(out.written).toEqual([])
  })
})

test('faults are one a line: place, section, what is wrong', () => {
  const faults = [{ place: 'x.roa', section: 'RFC 9582 section 4', message: 'no prefixes' }, { message: 'alone' }]
  expect(findingsView(faults, plainTheme)).toBe('x.roa: RFC 9582 section 4: no prefixes\nalone')
  expect(findingsView([], plainTheme)).toBe('')
})

test('JSON is indented and ends with a line break', () => {
  expect(formatJson({ a: [1] })).toBe('{\n  "a": [\n    1\n  ]\n}\n')
})

describe('a report as scripts read it', () => {
  test('says yes or no, and in a dry run no and what would be', () => {
    expect(jsonReport({ a: 1, changed: true, b: 2 })).toEqual({ a: 1, changed: 'yes', b: 2 })
    expect(jsonReport({ changed: false, dryRun: false })).toEqual({ changed: 'no', dryRun: false })
    const dry = jsonReport({ ca: 'acme', changed: true, dryRun: true })
    expect(dry).toEqual({ ca: 'acme', changed: 'no', wouldChange: true, dryRun: true })
    expect(Object.keys(dry)).toEqual(['ca', 'changed', 'wouldChange', 'dryRun'])
  })

  test('of a command that writes says what was watched, where the report does not', () => {
    expect(jsonReport({ done: [] }, 'unknown')).toEqual({ done: [], changed: 'unknown' })
    expect(jsonReport({ changed: true }, 'no')).toEqual({ changed: 'yes' })
    expect(jsonReport({ roas: [] })).toEqual({ roas: [] })
    expect(jsonReport({ tree: { changed: false, files: 1 } })).toEqual({ tree: { changed: 'no', files: 1 } })
  })
})

test('JSON and errors hold nothing that a terminal obeys, and JSON is read as before', () => {
  const report = { class: 'a\u009b31m\u202eb' }
  expect(formatJson(report)).toContain('a\\u009b31m\\u202eb')
  expect(JSON.parse(formatJson(report))).toEqual(report)
  expect(errorText(new AppError('remote', 'x', 'no\u009b2J\u202e'))).toMatch(/^Error: no\\u009b2J\\u202e\n/)
})
