/** `brine report` in headless Chromium: on a phone and on a screen, light and dark, by picture and by what it asks for. */
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Chromium, chromiumProgram, type Page } from '../../support/processes/chromium.js'
import { coloursOf } from '../../support/processes/png.js'
import type { EnrolSite } from '../../support/sites/enrol-site.js'
import { reportSite } from './report-site.js'

const program = chromiumProgram()
const title = `the page in ${program ?? 'Chromium, which is missing: apt-get install chromium'}`

const isRequired = process.env['BRINE_REQUIRE_VALIDATORS'] === '1'

describe.skipIf(program === undefined && !isRequired)(title, () => {
  let site: EnrolSite
  let chromium: Chromium
  let path = ''
  beforeAll(async () => {
    site = await reportSite()
    path = site.box.path('page.html')
    expect((await site.brine('report', path)).code).toBe(0)
    chromium = new Chromium(program ?? '')
  }, 60_000)
  afterAll(() => {
    chromium.close()
    site.remove()
  })

  const views = [390, 1280].flatMap((width) => [false, true].map((dark) => ({ width, dark })))

  describe.each(views)('at $width px, dark: $dark', ({ width, dark }) => {
    let page: Page
    beforeAll(async () => {
      page = await chromium.open(path, { width, dark })
    }, 60_000)

    it('asks for nothing but its file, and breaks no rule of its policy', () => {
      expect([page.requests, page.problems]).toEqual([[pathToFileURL(path).href], []])
    })

    it('is as wide as the screen and not wider', async () => {
      expect(await page.value('document.documentElement.scrollWidth')).toBe(width)
      const beyond = `[...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 80))`
      expect(await page.value(beyond)).toEqual([])
    })

    it('has no text below 12 px apart from the numbers on the map, which have 9', async () => {
      const sizes = `[...document.querySelectorAll('body *')].filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) && e.getBoundingClientRect().height > 0 && e.tagName !== 'title').map((e) => [e.closest('.map svg') ? 9 : 12, parseFloat(getComputedStyle(e).fontSize) * (e.getScreenCTM?.().a ?? 1), e.textContent.slice(0, 40)]).filter(([least, size]) => size < least)`
      expect(await page.value(sizes)).toEqual([])
    })

    it('is light or dark, with text that can be read on it', async () => {
      const [background] = coloursOf(await page.picture('header')).keys()
      expect(background).toBe(dark ? '#121518' : '#ffffff')
      const faint = `(() => {
        const light = (c) => c.match(/\\d+/g).slice(0, 3).map((v) => v / 255).map((v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4).reduce((sum, v, n) => sum + v * [.2126, .7152, .0722][n], 0)
        const paper = light(getComputedStyle(document.body).backgroundColor)
        const contrast = (c) => { const [a, b] = [light(c), paper].sort((x, y) => y - x); return (a + .05) / (b + .05) }
        return [...document.querySelectorAll('h1, h1 span, h2, dt, dd, p, a, .soft, .facts, .verdict, .bad, .warn, td, th, code, time')].filter((e) => contrast(getComputedStyle(e).color) < 4.5).map((e) => e.outerHTML.slice(0, 80))
      })()`
      expect(await page.value(faint)).toEqual([])
    })

    const covered = dark ? '#5cb3e6' : '#0068a8'
    const held = dark ? '#2b4d66' : '#bcd8ee'
    const healthy = dark ? '#2f9780' : '#4fae98'
    const failed = dark ? '#d9651a' : '#d55e00'
    it.each([
      ['tree of CAs', '.tree', [[covered, 100]]],
      [
        'map',
        '.map svg',
        [
          [covered, 30],
          [held, 30],
        ],
      ],
      [
        'bars of addresses',
        '.bar',
        [
          [covered, 500],
          [held, 500],
        ],
      ],
      ['ends of validity', '#ends .line', [[covered, 60]]],
      [
        'states of enrolment CAs',
        '#enrolment .line',
        [
          [healthy, 3000],
          [failed, 100],
        ],
      ],
    ] as const)('draws the %s', async (_, selector, wanted) => {
      const colours = coloursOf(await page.picture(selector))
      for (const [colour, pixels] of wanted) expect(colours.get(colour) ?? 0, colour).toBeGreaterThan(pixels)
    })

    it('draws the lines of the tree from each CA to its parent', async () => {
      const dots = `[...document.querySelectorAll('.tree circle')].map((e) => e.getBoundingClientRect()).map(({x, y}) => [Math.round(x), Math.round(y)])`
      const places = await page.value<readonly (readonly [number, number])[]>(dots)
      const first = places[0] ?? [0, 0]
      expect(places.map(([x]) => (x - first[0]) / 22)).toEqual([0, 1, 2, 3, 4, 2])
      expect(places.map(([, y]) => (y - first[1]) / 28)).toEqual([0, 1, 2, 3, 4, 5])
    })
  })

  it('runs no script and makes no element of the texts of users', async () => {
    const page = await chromium.open(path, { width: 390 })
    expect(await page.value(`document.querySelectorAll('script, img, link, iframe, [style]').length`)).toBe(0)
    expect(await page.value(`document.querySelector('#roas').innerText`)).toContain('<script>alert(1)</script>')
    expect(await page.value(`document.querySelector('#roas').innerText`)).toContain('</style></svg><!--')
  })
})
