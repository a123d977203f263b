/** `brine report`: the page of a real directory, the file that it writes, and what it refuses. */
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runBrine } from '../../support/processes/cli.js'
import type { EnrolSite } from '../../support/sites/enrol-site.js'
import { HOSTILE, reportSite } from './report-site.js'

let site: EnrolSite
beforeAll(async () => {
  site = await reportSite()
}, 60_000)
afterAll(() => site.remove())

const at = (name: string): string => site.box.path(name)
const modeOf = (path: string): number => statSync(path).mode & 0o777

describe('the page', () => {
  let page = ''
  const partOf = (id: string): string =>
    new RegExp(`<section id="${id}">(.*?)</section>`, 's').exec(page)?.[1]?.replace(/<title>.*?<\/title>/g, '') ?? ''
  const words = (markup: string): string => markup.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ')

  beforeAll(async () => {
    const ran = await site.brine('report', at('page.html'), '--json')
    expect([ran.code, ran.stderr]).toEqual([0, ''])
    page = readFileSync(at('page.html'), 'utf8')
    expect(ran.json()).toEqual({
      ...{ file: at('page.html'), verdict: 'warning', cas: 5, findings: 2, bytes: Buffer.byteLength(page) },
    })
  })

  it('has mode 0600 and is complete', () => {
    expect(modeOf(at('page.html'))).toBe(0o600)
    expect(page.endsWith('</html>\n')).toBe(true)
  })

  it('shows findings with the next step, and the CAs as a tree', () => {
    expect(words(partOf('findings'))).toContain('warning some CAs are unavailable in group device')
    expect(words(partOf('findings'))).toContain('Next: brine ha status')
    expect(words(partOf('cas')).trim()).toBe(
      'CAs ta trust anchor testbed 0 ROAs north 6 ROAs north/coast 1 ROA customer 0 ROAs south 1 ROA',
    )
  })

  it('shows held and covered addresses', () => {
    const shown = words(partOf('addresses'))
    for (const row of ['10.0.0.0/9 50 % covered', '192.0.2.0/24 25 % covered', '203.0.112.0/20 0 % covered'])
      expect(shown).toContain(row)
    expect(shown).toContain('2001:db8::/32 50 % covered')
  })

  it('shows what ends next of each kind, with its owner', () => {
    const rows = words(partOf('ends').split('<tbody>')[1] ?? '')
    for (const kind of ['manifest and CRL', 'ROA or other object', 'CA certificate', 'other certificate'])
      expect(rows).toContain(kind)
    expect(rows).toMatch(/other certificate \w+ \w+ \S+ \(ca_cert\)/)
  })

  it('shows the four days in which an enrolment CA was out of service, and the order of the operator', () => {
    const rows = words(partOf('enrolment'))
    expect(rows).toMatch(/two taken out: &lt;script&gt;.* one healthy .* one circuit-open/)
    expect(rows).toContain('two healthy, taken out')
  })

  it('shows ROAs with their comments, and commands with author, reason and rejection', () => {
    expect(words(partOf('roas'))).toContain(
      '198.51.100.0/24-24 =&gt; 64496 &lt;script&gt;alert(1)&lt;/script&gt; north',
    )
    const history = words(partOf('history'))
    expect(history).toContain('override.set ha/0 by')
    expect(history).toMatch(/roas\.update ca\/south rejected .* south does not hold 192\.0\.2\.0\/24/)
    expect(history).toMatch(/by &quot;&gt;&lt;img src=x onerror=alert\(1\)&gt;/)
  })

  it('has no text of a user as markup', () => {
    for (const text of HOSTILE.filter((one) => /[<>]/.test(one))) expect(page).not.toContain(text)
    expect(page).not.toMatch(/<script|<img|x{200}/)
  })
})

describe('the file', () => {
  it('that exists is not replaced without --replace, which keeps its mode', async () => {
    writeFileSync(at('old.html'), 'old')
    chmodSync(at('old.html'), 0o644)
    const refused = await site.brine('report', at('old.html'), '--json')
    expect([refused.code, refused.json()]).toMatchObject([2, { error: { code: 'file-exists', changed: 'no' } }])
    expect(readFileSync(at('old.html'), 'utf8')).toBe('old')
    expect(refused.json<{ error: { hint: string } }>().error.hint).toContain('--replace')

    expect((await site.brine('report', at('old.html'), '--replace')).code).toBe(0)
    expect([modeOf(at('old.html')), readFileSync(at('old.html'), 'utf8').slice(0, 15)]).toEqual([
      0o644,
      '<!DOCTYPE html>',
    ])
  })

  it('is new and private with --replace too, and a link stays one', async () => {
    expect((await site.brine('report', at('fresh.html'), '--replace')).code).toBe(0)
    expect(modeOf(at('fresh.html'))).toBe(0o600)
    writeFileSync(at('target.html'), 'old')
    symlinkSync(at('target.html'), at('link.html'))
    expect((await site.brine('report', at('link.html'))).code).toBe(2)
    expect((await site.brine('report', at('link.html'), '--replace')).code).toBe(0)
    expect(readFileSync(at('target.html'), 'utf8')).toContain('<!DOCTYPE html>')
  })

  it('in a folder that does not exist, and a folder, are errors (2) with and without --replace', async () => {
    mkdirSync(at('folder'))
    for (const path of [at('none/page.html'), at('folder')])
      for (const more of [[], ['--replace']]) {
        const ran = await site.brine('report', path, ...more)
        expect(ran.code, `${path} ${more.join()}: ${ran.stderr}`).toBe(2)
      }
  })
})

it('without a directory writes nothing (10), and of an empty one writes a page', async () => {
  const none = await runBrine(['report', at('none.html')], { dataDir: join(at('.'), 'nowhere') })
  expect([none.code, existsSync(at('none.html'))]).toEqual([10, false])
  const dataDir = join(at('.'), 'empty')
  await runBrine(['init'], { dataDir })
  const ran = await runBrine(['report', at('empty.html')], { dataDir })
  expect([ran.code, readFileSync(at('empty.html'), 'utf8')]).toEqual([0, expect.stringContaining('There is no CA yet')])
})

it('changes nothing in the directory', async () => {
  const before = (await site.brine('audit', 'digest')).stdout
  await site.brine('report', at('again.html'))
  expect((await site.brine('audit', 'digest')).stdout).toBe(before)
})
