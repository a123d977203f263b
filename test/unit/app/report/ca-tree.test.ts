/** The tree of CAs as a drawing: order, depth, lines, and hostile handles. */
import { expect, it } from 'vitest'
import { caTree, MOST_ROWS } from '../../../../src/core/app/report/ca-tree.js'
import type { ReportCa } from '../../../../src/core/app/report/data.js'
import { caOf } from './report-data.js'

/** Returns each row as `depth name: facts`; the depth is that of its circle. */
function rowsOf(cas: readonly ReportCa[], step = 22): readonly string[] {
  const rows = caTree({ cas }).matchAll(/cx="([\d.]+)".*?<bdi>(.*?)<\/bdi>.*?"facts">(.*?)</g)
  return [...rows].map(([, x, name, facts]) => `${(Number(x) - 8) / step} ${name}: ${facts}`)
}

const anchor = caOf('ta', { id: 'ta/ta', isTa: true })

it('shows each CA below its parent, in order, with what it has', () => {
  const cas = [
    anchor,
    caOf('a', { parents: ['ta/ta'], roas: 1, aspas: 2 }),
    caOf('b', { parents: ['ta/ta'], childrenElsewhere: 1 }),
    caOf('a1', { parents: ['ca/a', 'ca/b'], roas: 2 }),
  ]
  expect(rowsOf(cas)).toEqual([
    '0 ta: trust anchor',
    '1 a: 1 ROA, 2 ASPAs',
    '2 a1: 2 ROAs, 1 more parent',
    '1 b: 0 ROAs, 1 child elsewhere',
  ])
})

it('shows CAs below parents elsewhere, each parent once, and CAs without a parent as roots', () => {
  const cas = [caOf('x', { parentsElsewhere: ['apnic'] }), caOf('y', { parentsElsewhere: ['apnic'] }), caOf('alone')]
  expect(rowsOf(cas)).toEqual(['0 alone: 0 ROAs', '0 apnic: parent elsewhere', '1 x: 0 ROAs', '1 y: 0 ROAs'])
})

it('shows CAs that are each other’s parents, and CAs whose parent cannot be read, once', () => {
  const cas = [caOf('x', { parents: ['ca/y'] }), caOf('y', { parents: ['ca/x'] }), caOf('z', { parents: ['ca/gone'] })]
  expect(rowsOf(cas).toSorted()).toEqual(['0 x: 0 ROAs', '0 z: 0 ROAs', '1 y: 0 ROAs'])
})

it('goes on with the line of an ancestor only as long as it has another child', () => {
  const cas = [
    anchor,
    caOf('a', { parents: ['ta/ta'] }),
    caOf('a1', { parents: ['ca/a'] }),
    caOf('b', { parents: ['ta/ta'] }),
    caOf('b1', { parents: ['ca/b'] }),
  ]
  const through = caTree({ cas })
    .split('<li>')
    .map((row) => row.includes('d="M8 0V28"'))
  expect(through).toEqual([false, false, false, true, false, false])
})

it('of a deep tree leaves room for names on a narrow screen', () => {
  const cas = Array.from({ length: 60 }, (_, n) => caOf(`c${n}`, n === 0 ? {} : { parents: [`ca/c${n - 1}`] }))
  const widths = [...caTree({ cas }).matchAll(/width="([\d.]+)"/g)].map(([, width]) => Number(width))
  expect(Math.max(...widths)).toBeLessThan(160)
})

it('of very many CAs is cut, with the number of the others', () => {
  const cas = Array.from({ length: MOST_ROWS + 7 }, (_, n) => caOf(`c${n}`))
  expect(rowsOf(cas)).toHaveLength(MOST_ROWS)
  expect(caTree({ cas })).toContain('and 7 more')
})

it('escapes names, and says so if there is no CA', () => {
  const cas = [caOf('<script>\u202e', { parentsElsewhere: ['"><img>'] }), caOf('x'.repeat(10_000))]
  expect(caTree({ cas })).toContain('&lt;script&gt;\\u202e')
  expect(caTree({ cas })).not.toMatch(/<script|<img|\u202e|x{100}/)
  expect(caTree({ cas: [] })).toContain('There is no CA yet')
})
