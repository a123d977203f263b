/** The page as a whole: it allows nothing but its own style, and no text of a user becomes markup. */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { ReportData } from '../../../../src/core/app/report/data.js'
import { reportPage } from '../../../../src/core/app/report/page.js'
import type { Handle } from '../../../../src/core/base/handle.js'
import { addSeconds } from '../../../../src/core/base/time.js'
import { caOf, dataOf, NOW } from './report-data.js'

const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "'><svg/onload=alert(1)>",
  '</style><style>@import url(http://evil.example/)',
  '<!-- ',
  '\u202e\u2066\u200f\u061c',
  '🛰️👩‍👩‍👧',
  'x'.repeat(10_000),
]

/** Returns a report with a text in every member that holds text. */
function planted(evil: string): ReportData {
  const handle = evil as Handle
  const command: ReportData['commands'][number] = {
    ...{ kind: 'ca', handle, sequence: 1, version: 1, at: NOW, actor: evil, osUser: evil, host: evil, reason: evil },
    result: 'rejected',
    ...{ type: evil, summary: evil, events: 0, error: { code: evil, message: evil } },
    ...{ configDigest: null, archived: false },
  }
  const span = { from: addSeconds(NOW, -60), to: NOW, state: 'healthy' } as const
  return dataOf(
    {
      version: evil,
      cas: [caOf(evil, { parentsElsewhere: [evil] }), caOf(`${evil}2`)],
      expiries: [{ kind: 'CA certificate', owner: evil, at: NOW }],
      roas: [{ ca: evil, text: evil, since: NOW, comment: evil }],
      ha: [{ ca: evil, spans: [span], overrides: [{ from: NOW, to: NOW, reason: evil }] }],
      commands: [command],
      total: 1,
    },
    { dataDir: evil, concerns: [{ level: 'critical', code: evil, message: evil, hint: evil }] },
  )
}

/** Returns the tags of a page with the names of their attributes, each once. */
function tagsOf(page: string): ReadonlySet<string> {
  const tags = page.replace(/<style>.*?<\/style>/s, '').matchAll(/<([^\s>]*)((?:[^>"]|"[^"]*")*)>/g)
  const names = (attributes: string): string =>
    attributes
      .replace(/"[^"]*"/g, '')
      .replaceAll('=', '')
      .trim()
  return new Set([...tags].map(([, tag = '', attributes = '']) => `${tag} ${names(attributes)}`.trim()))
}

describe('a text of a user', () => {
  const plain = tagsOf(reportPage(planted('plain')))

  it.each(HOSTILE.map((text) => [text.slice(0, 30), text]))('%j is no markup in any place', (_, evil) => {
    const page = reportPage(planted(evil))
    expect(tagsOf(page)).toEqual(plain)
    expect(page).not.toMatch(/[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]/)
    expect(page.length).toBeLessThan(reportPage(planted('plain')).length + 20_000)
  })

  it('is in the page where it is text', () => {
    // version, two names of CAs and a parent, owner twice, ROA thrice, group, and the rest
    expect(reportPage(planted('<i>')).split('&lt;i&gt;').length).toBeGreaterThan(20)
  })

  it('why the history cannot be read is text too', () => {
    expect(reportPage(dataOf({ historyProblem: '<script>' }))).toContain(
      'The history cannot be read: <bdi>&lt;script&gt;',
    )
  })
})

it('the policy allows the style of the page by its hash and nothing else', () => {
  const page = reportPage(dataOf())
  const [, style = ''] = /<style>(.*?)<\/style>/s.exec(page) ?? []
  const hash = createHash('sha256').update(style).digest('base64')
  expect(page).toContain(
    `content="default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'"`,
  )
  expect(page).not.toMatch(
    /<script|<link|<iframe|<object|<base|javascript:|url\(|@import|@font-face| style=| src=| on\w+=/,
  )
  expect([...page.matchAll(/href="(.)/g)].every(([, first]) => first === '#')).toBe(true)
})

it('an empty directory has a sentence in each section', () => {
  const page = reportPage(dataOf())
  for (const sentence of [
    'Nothing to do',
    'no CA yet',
    'No CA holds',
    'Nothing has been issued',
    'No ROA',
    'no command yet',
  ])
    expect(page).toContain(sentence)
})

it('the same data gives the same page', () => {
  expect(reportPage(planted('x'))).toBe(reportPage(planted('x')))
})
