import { performance } from 'node:perf_hooks'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { utf8 } from '../../../src/core/base/bytes.js'
import { parseXml, type XmlElement, XmlFault, type XmlLimits } from '../../../src/core/xml/read.js'

/** Returns the fault as `line:column message (rule)`; `read` if there is none. */
function faultOf(document: string | Uint8Array, limits?: Partial<XmlLimits>): string {
  try {
    parseXml(typeof document === 'string' ? utf8(document) : document, limits)
    return 'read'
  } catch (error) {
    if (!(error instanceof XmlFault)) throw error
    return `${error.line}:${error.column} ${error.message} (${error.rule})`
  }
}

const parse = (text: string): XmlElement => parseXml(utf8(text))

describe('parseXml', () => {
  it('gives names, namespaces, attributes, text and places', () => {
    const root = parse(
      '<?xml version="1.0" encoding="UTF-8"?>\n<!-- a -->\n<p:a xmlns:p="urn:one" xmlns="urn:two"\r\n  b="1" p:c="2" xml:lang="en">x<b\n/>y<![CDATA[<&]]>\r  <p:b>&amp;&#65;&#x42;</p:b></p:a>\n<?pi?>',
    )
    expect(root).toMatchObject({ name: 'a', namespace: 'urn:one', line: 3, column: 1, text: 'xy<&\n  ' })
    expect([...root.attributes]).toEqual([
      ['b', '1'],
      ['{urn:one}c', '2'],
      ['xml:lang', 'en'],
    ])
    expect(
      root.children.map(({ name, namespace, line, column, text }) => [name, namespace, line, column, text]),
    ).toEqual([
      ['b', 'urn:two', 4, 32, ''],
      ['b', 'urn:one', 6, 3, '&AB'],
    ])
  })

  it.each([
    '<?xml version="1.0" encoding="utf-8"?><a/>',
    "<?xml version='1.0' encoding='us-ascii'?><a/>",
    '\ufeff<a/>',
    '\n <a/> \n',
  ])('reads %j', (text) => expect(parse(text).name).toBe('a'))

  it.each([
    ['an external DTD', '<!DOCTYPE a SYSTEM "http://example.net/a.dtd"><a/>', /DTD.*section 2.8/],
    ['a DTD with entities', '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', /DTD/],
    ['an external entity', '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', /DTD/],
    ['a parameter entity', '<!DOCTYPE a [<!ENTITY % b SYSTEM "file:///etc/passwd"> %b;]><a/>', /DTD/],
    ['a DTD that does not end', '<!DOCTYPE a [', /root element/],
    ['an unknown entity', '<a>&nbsp;</a>', /undefined entity/],
    ['an entity of an object', '<a>&constructor;</a>', /undefined entity/],
    ['an attribute twice', '<a b="1" b="2"/>', /duplicate attribute: b/],
    ['an attribute twice by two prefixes', '<a xmlns:x="u" xmlns:y="u" x:b="1" y:b="2"/>', /duplicate attribute/],
    ['an undeclared prefix', '<p:a/>', /unbound namespace prefix/],
    ['an undeclared prefix of an attribute', '<a p:b="1"/>', /unbound namespace prefix/],
    ['a prefix bound to nothing', '<a xmlns:x=""/>', /undefine prefix/],
    ['two roots', '<a/><a/>', /only one root/],
    ['text before the root', 'x<a/>', /outside of root/],
    ['nothing', '', /root element/],
    ['an end tag of another element', '<a>\n <b></c></a>', /^2:9 unexpected close tag/],
    ['a control character', '<a>\u0001</a>', /disallowed character/],
    ['a reference to no character', '<a>&#0;</a>', /malformed character entity/],
    ['a reference to a surrogate', '<a>&#xD800;</a>', /malformed character entity/],
    ['XML 1.1', '<?xml version="1.1"?><a/>', /only XML version 1.0/],
    ['another encoding', '<?xml version="1.0" encoding="ISO-8859-1"?><a/>', /not UTF-8: ISO-8859-1/],
    ['a declaration after a line', '\n<?xml version="1.0"?><a/>', /start of the document/],
  ])('refuses %s', (_what, text, expected) => expect(faultOf(text)).toMatch(expected))

  it('refuses other encodings with the place of the first octet that is not UTF-8', () => {
    expect(faultOf(Uint8Array.of(0x3c, 0x61, 0x3e, 0x0a, 0x20, 0xff, 0x3c))).toMatch(/^2:2 not UTF-8/)
    expect(faultOf(Buffer.from('<a>\n\xe4</a>', 'latin1'))).toMatch(/^2:1 not UTF-8/)
    expect(faultOf(Buffer.concat([utf8('\ufeff<a>\ufffd\n\ufffd'), Uint8Array.of(0xc0, 0x80)]))).toMatch(
      /^2:2 not UTF-8/,
    )
    expect(faultOf(Buffer.concat([Uint8Array.of(0xff, 0xfe), Buffer.from('<a/>', 'utf16le')]))).toMatch(/^1:1 .*UTF-16/)
  })

  it('keeps each limit exactly', () => {
    const at = (name: keyof XmlLimits, count: number, text: string): string => faultOf(text, { [name]: count })
    const cases: [keyof XmlLimits, (n: number) => string][] = [
      ['bytes', (n) => `<a>${'x'.repeat(n - 7)}</a>`],
      ['depth', (n) => '<a>'.repeat(n) + '</a>'.repeat(n)],
      ['elements', (n) => `<a>${'<a/>'.repeat(n - 1)}</a>`],
      ['attributes', (n) => `<a ${[...Array(n).keys()].map((i) => `a${i}=""`).join(' ')}/>`],
      ['text', (n) => `<a>${'x'.repeat(n - 5)}<b/>xx<![CDATA[xxx]]></a>`],
      ['text', (n) => `<a b="${'x'.repeat(n)}"/>`],
    ]
    for (const [name, make] of cases) {
      expect(at(name, 14, make(14)), name).toBe('read')
      expect(at(name, 14, make(15)), name).toMatch(/14.*\(a limit of this reader\)$/)
    }
  })

  it('refuses 100 MB by its length, and a bomb of depth, elements or attributes within its limits', () => {
    const began = performance.now()
    expect(faultOf(new Uint8Array(100_000_000))).toBe(
      '1:1 100000000 octets, more than 1048576 (a limit of this reader)',
    )
    expect(performance.now() - began).toBeLessThan(2000)
    expect(faultOf('<a>'.repeat(300_000))).toMatch(/inside each other/)
    expect(faultOf(`<a>${'<a/>'.repeat(200_000)}`)).toMatch(/more than 10000 elements/)
    expect(faultOf(`<a ${[...Array(50_000).keys()].map((i) => `a${i}=""`).join(' ')}`)).toMatch(/attributes/)
    expect(faultOf(`<a xmlns:${'x'.repeat(500_000)}="u"`)).toMatch(/unexpected end/)
  })

  it('throws nothing but an XmlFault for any bytes', () => {
    const piece = fc.constantFrom(
      '<',
      '>',
      '/',
      '"',
      '=',
      '&',
      ';',
      '<a',
      '<!',
      '[',
      ']]>',
      '<?',
      '--',
      'xmlns:',
      ':',
      ' ',
      '\r',
      '\0',
      'é',
      '\ud800',
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 40 }),
          fc.array(piece, { maxLength: 30 }).map((p) => utf8(p.join(''))),
        ),
        (bytes) => {
          expect(typeof faultOf(bytes)).toBe('string')
        },
      ),
      { numRuns: 500 },
    )
  })
})
