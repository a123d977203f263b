/** Bars of expiries: their length on the axis, width, order, colour and ASCII. */
import { describe, expect, it } from 'vitest'
import { type Expiry, expiriesOf } from '../../../../src/core/app/status/expiries.js'
import { addSeconds, type Instant } from '../../../../src/core/base/time.js'
import { plainTheme, themeFor } from '../../../../src/core/cli/output/theme.js'
import { displayWidth } from '../../../../src/core/cli/terminal/display-width.js'
import { expiryBars, filledColumns, marksFor } from '../../../../src/core/cli/views/expiry-bars.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
const HOUR = 3600
const DAY = 24 * HOUR
const ends = (what: string, seconds: number, level: Expiry['level'] = 'ok'): Expiry => ({
  what,
  at: addSeconds(NOW, seconds),
  level,
})
const terminal = (env: Record<string, string>, columns = 80) => themeFor({ isTerminal: true, columns, env })

describe('the axis', () => {
  it('reaches to the first mark that is not before the last end, and at least to a day', () => {
    const last = (seconds: number) => marksFor(seconds).at(-1)?.[0]
    expect([last(-5), last(HOUR), last(DAY), last(DAY + 1), last(400 * DAY), last(36_500 * DAY)]).toEqual([
      ...['1d', '1d', '1d', '7d', '10y', '10y'],
    ])
  })

  it.each([
    ['ended', -1, 0],
    ['now', 0, 0],
    ['in a second', 1, 1],
    ['at the first mark', HOUR, 20],
    ['between two marks', 4.5 * HOUR, 30],
    ['at the second mark', 8 * HOUR, 40],
    ['at the end', DAY, 60],
    ['after the end', 2 * DAY, 60],
  ])('%s', (_, seconds, columns) => {
    expect(filledColumns(seconds, marksFor(DAY), 60)).toBe(columns)
  })

  it('never shortens a bar for a later end', () => {
    const marks = marksFor(3000 * DAY)
    const lengths = Array.from({ length: 2000 }, (_, n) => filledColumns(n * n * 70, marks, 47))
    expect(lengths).toEqual([...lengths].sort((a, b) => a - b))
  })
})

describe('the bars', () => {
  it('are ASCII on a pipe', () => {
    const rows = [ends('manifest of acme', -1, 'critical'), ends('manifest of b', 8 * HOUR), ends('https', DAY)]
    expect(expiryBars(rows, NOW, plainTheme).split('\n')).toEqual([
      'ENDS NEXT            IN  now               1h                 8h              1d',
      `manifest of acme  ended  ${'.'.repeat(55)}`,
      `manifest of b        8h  ${'#'.repeat(37)}${'.'.repeat(18)}`,
      `https                1d  ${'#'.repeat(55)}`,
    ])
    expect(expiryBars([], NOW, plainTheme)).toBe('')
  })

  it('are blocks where the locale is UTF-8, by the first variable that is set', async () => {
    const drawn = async (env: Record<string, string>) =>
      expiryBars([ends('x', HOUR)], NOW, await terminal({ NO_COLOR: '1', ...env }))
    for (const env of [{ LANG: 'C.UTF-8' }, { LC_ALL: '', LC_CTYPE: 'de_DE.utf8', LANG: 'C' }])
      expect(await drawn(env)).toContain('█·')
    for (const env of [{}, { LANG: 'C' }, { LC_ALL: 'C', LANG: 'C.UTF-8' }])
      expect(await drawn(env)).toMatch(/^[ -~\n]+$/)
  })

  it('have the colour of their level, and none with NO_COLOR or TERM=dumb', async () => {
    const rows = [ends('a', HOUR, 'critical'), ends('b', HOUR, 'warning'), ends('c', HOUR, 'ok')]
    const text = expiryBars(rows, NOW, await terminal({})).split('\n')
    expect(text.slice(1).map((line) => line.split('\u001b[')[1]?.slice(0, 2))).toEqual(['31', '33', '32'])
    for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }])
      expect(expiryBars(rows, NOW, await terminal(env))).not.toContain('\u001b')
  })

  it.each([20, 40, 60, 80, 120, 300])('fit %i columns, whatever the name', async (columns) => {
    const rows = [ends('manifest of '.padEnd(255, 'y'), DAY), ends('manifest of 東京', 800 * DAY)]
    const theme = await terminal({ NO_COLOR: '1', LANG: 'C.UTF-8' }, columns)
    const lines = expiryBars(rows, NOW, theme).split('\n')
    expect(Math.max(...lines.map(displayWidth))).toBeLessThanOrEqual(Math.max(columns, 24))
    expect(lines.some((line) => line.includes('█'))).toBe(columns >= 60)
  })

  it('are the nearest eight, and say how many follow', () => {
    const rows = Array.from({ length: 11 }, (_, n) => ends(`e${n}`, (n + 1) * HOUR))
    const lines = expiryBars(rows, NOW, plainTheme).split('\n')
    expect(lines.slice(1, 9).map((line) => line.split(' ')[0])).toEqual(rows.slice(0, 8).map(({ what }) => what))
    expect(lines.slice(9)).toEqual(['and 3 more'])
  })

  it('are of what is urgent too, where the manifests of many CAs end before', () => {
    const manifests = Array.from({ length: 50 }, (_, n) => ends(`m${n}`, HOUR + n))
    const lines = expiryBars([...manifests, ends('https', 5 * DAY, 'critical')], NOW, plainTheme).split('\n')
    expect(lines.slice(1).map((line) => line.split(' ')[0])).toEqual([
      ...['m0', 'm1', 'm2', 'm3', 'm4', 'm5', 'm6', 'https', 'and'],
    ])
  })
})

it('everything that ends is in one list, the first end first, with its level', () => {
  const at = (seconds: number) => addSeconds(NOW, seconds)
  const ca = { kind: 'ca', roas: 0, aspas: 0, parents: 1, children: 0, objects: 0, manifestNumber: 1 }
  const handle = (name: string) => name as never
  const report = {
    now: NOW,
    cas: [
      { ...ca, handle: handle('a'), nextDue: at(0), staleAt: at(8 * HOUR), certificateEnd: at(300 * DAY) },
      { ...ca, handle: handle('b'), nextDue: at(1), staleAt: at(9 * HOUR), certificateEnd: at(89 * DAY) },
      { ...ca, handle: handle('c'), nextDue: null, staleAt: null, certificateEnd: null },
      { ...ca, handle: handle('d'), nextDue: at(-1), staleAt: at(HOUR), certificateEnd: null },
    ],
    certificates: [
      { use: 'https', owner: '', file: 'cert.pem', subject: 'CN=x', notAfter: at(20 * DAY), level: 'warning' },
    ],
    publishers: [{ publisher: handle('p'), addedAt: NOW, lastMessage: NOW, objects: 1, bytes: 1, staleAt: at(7000) }],
    repositories: [{ ca: handle('r'), staleAt: at(HOUR - 1) }],
    idCertificates: [{ what: 'parent p of a', notAfter: at(6 * DAY) }],
  } as never
  expect(expiriesOf(report).map(({ what, level }) => `${level} ${what}`)).toEqual([
    'critical manifest of r in its repository',
    'critical manifest of d',
    'warning manifest of publisher p',
    'warning manifest of a',
    'ok manifest of b',
    'critical ID certificate of parent p of a',
    'warning https',
    'warning certificate of b',
    'ok certificate of a',
  ])
})
