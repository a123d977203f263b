/** Ends of validity and states of enrolment CAs on axes of time. */
import { describe, expect, it } from 'vitest'
import type { Expiry } from '../../../../src/core/app/report/data.js'
import { distance, expiryTimeLine, place } from '../../../../src/core/app/report/expiry-line.js'
import type { HaLane } from '../../../../src/core/app/report/ha-history.js'
import { haTimeLine } from '../../../../src/core/app/report/ha-line.js'
import { addSeconds } from '../../../../src/core/base/time.js'
import { dataOf, NOW } from './report-data.js'

const [HOUR, DAY] = [3600, 86_400]
const ends = (seconds: number, owner = 'ca/x', kind: Expiry['kind'] = 'CA certificate'): Expiry => ({
  ...{ kind, owner },
  at: addSeconds(NOW, seconds),
})
const lineOf = (...expiries: readonly Expiry[]): string => expiryTimeLine(dataOf({ expiries }))
const circles = (line: string): readonly string[] =>
  [...line.matchAll(/<circle class="(\w+)" cx="([\d.]+)%"/g)].map(([, cls, x]) => `${cls} ${x}`)

describe('ends of validity', () => {
  it('are farther to the right the later they are, within the drawing, and left of now if past', () => {
    const places = [-DAY, 0, HOUR, DAY, 30 * DAY, 365 * DAY, 3650 * DAY, 99_999 * DAY].map(place)
    expect(places).toEqual(places.toSorted((a, b) => a - b))
    expect([places[0], places.at(-2), places.at(-1)]).toEqual([3, 96, 96])
  })

  it('that are close are one circle with their number; what has ended is another colour', () => {
    const line = lineOf(ends(-DAY), ends(DAY), ends(DAY + 60), ends(365 * DAY))
    expect(circles(line).map((one) => one.split(' ')[0])).toEqual(['late', 'due', 'due'])
    expect(line).toContain('<title>2, the first at 2026-11-22T12:00:00Z: ca/x</title>')
  })

  it('have a lane for each kind, and the nearest of each in the table', () => {
    const line = lineOf(ends(HOUR, 'ca/m', 'manifest and CRL'), ends(-DAY, 'ca/a'), ends(DAY, 'ca/b'))
    const rows = [...line.matchAll(/<tr><td>(.*?)<\/td><td class="(.*?)">(.*?)<.*?<bdi>(.*?)</g)]
    expect(rows.map(([, ...cells]) => cells)).toEqual([
      ['manifest and CRL', '', '1h', 'ca/m'],
      ['CA certificate', 'bad', 'ended 1d ago', 'ca/a'],
    ])
  })

  it('escape their owner, and say so if there are none', () => {
    expect(lineOf(ends(DAY, '<script>'))).not.toContain('<script')
    expect(lineOf()).toContain('Nothing has been issued')
  })

  it('are told in the two largest units', () => {
    expect(distance(NOW, addSeconds(NOW, 2 * DAY + 3 * HOUR + 240))).toBe('2d 3h')
  })
})

describe('states of enrolment CAs', () => {
  const at = (days: number) => addSeconds(NOW, -days * DAY)
  const lane: HaLane = {
    ca: '<b>one</b>',
    spans: [
      { from: at(30), to: at(15), state: 'healthy' },
      { from: at(15), to: at(12), state: 'circuit-open' },
      { from: at(12), to: at(12), state: 'recovering' },
      { from: at(12), to: at(6), state: 'circuit-open' },
      { from: at(6), to: NOW, state: 'degraded' },
    ],
    overrides: [{ from: at(3), to: NOW, reason: '<script>' }],
  }

  it('are bars of their colour and height from their begin to their end', () => {
    const line = haTimeLine([lane], NOW)
    expect(line).toContain('<rect class="healthy" x="0%" y="0%" width="50%" height="100%"/>')
    expect(line).toContain('<rect class="circuit-open" x="50%" y="60%" width="10%" height="40%"/>')
    expect(line).toContain('<rect class="degraded" x="80%" y="30%" width="20%" height="70%"/>')
    expect(line).toContain('<rect class="out" x="90%" y="1" width="10%" height="16"/>')
    expect(line).toContain('degraded, taken out')
  })

  it('are listed when they last, newest first, with the orders of operators', () => {
    const rows = [...haTimeLine([lane], NOW).matchAll(/datetime="(.*?)T.*?free-text"><bdi>(.*?)</g)]
    expect(rows.map(([, day, what]) => `${day} ${what}`)).toEqual([
      '2026-11-18 taken out: &lt;script&gt;',
      '2026-11-15 degraded',
      '2026-11-06 circuit-open',
    ])
  })

  it('escape ids, and say so if there are none', () => {
    expect(haTimeLine([lane], NOW)).not.toMatch(/<b>|<script/)
    expect(haTimeLine([], NOW)).toContain('No enrolment CA has recorded anything')
    expect(haTimeLine([{ ...lane, spans: [], overrides: [] }], NOW)).toContain('No state has changed')
  })
})
