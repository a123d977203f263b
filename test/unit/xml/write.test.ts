import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { utf8 } from '../../../src/core/base/bytes.js'
import { parseXml, type XmlElement } from '../../../src/core/xml/read.js'
import { writeXml, type XmlNode } from '../../../src/core/xml/write.js'

describe('writeXml', () => {
  it('writes attributes in their order, one element per line, and leaves out those without a value', () => {
    const content = [
      { name: 'z', attributes: { y: '<>&\'"\t\n\r', x: undefined } },
      { name: 'y', content: 'a<b\r\n' },
    ]
    expect(writeXml({ name: 'a', attributes: { xmlns: 'urn:x', c: '1', b: '2' }, content })).toBe(
      '<a xmlns="urn:x" c="1" b="2">\n' +
        '  <z y="&lt;&gt;&amp;&apos;&quot;&#9;&#10;&#13;"/>\n' +
        '  <y>a&lt;b&#13;\n</y>\n' +
        '</a>\n',
    )
  })

  it('replaces what XML cannot contain, unpaired surrogates too', () => {
    expect(writeXml({ name: 'a', content: 'x\0\u001f\ufffe\ud800y\udc00\u{1f600}' })).toBe(
      '<a>x\ufffd\ufffd\ufffd\ufffdy\ufffd\u{1f600}</a>\n',
    )
  })

  it('writes what parseXml reads back', () => {
    const name = fc.constantFrom('a', 'b-c', 'd_e')
    const text = fc.string({
      unit: fc.oneof(fc.constantFrom('<', '&', ']]>', '\r', '\n', '\t', ' ', '"'), fc.string({ maxLength: 1 })),
    })
    const { node } = fc.letrec<{ node: XmlNode }>((tie) => ({
      node: fc.record({
        name,
        attributes: fc.dictionary(name, text),
        content: fc.oneof({ depthSize: 'small' }, text, fc.array(tie('node'), { minLength: 1, maxLength: 3 })),
      }),
    }))
    fc.assert(
      fc.property(node, (tree) => {
        expect(plain(parseXml(utf8(writeXml(tree)), { depth: 1000 }))).toEqual(expected(tree))
      }),
    )
  })
})

interface Plain {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly content: string | readonly Plain[]
}

function plain({ name, attributes, children, text }: XmlElement): Plain {
  const content = children.length === 0 ? text : children.map(plain)
  return { name, attributes: Object.fromEntries(attributes), content }
}

function expected({ name, attributes = {}, content = '' }: XmlNode): Plain {
  return {
    name,
    attributes: { ...attributes } as Record<string, string>,
    content: typeof content === 'string' ? content : content.map(expected),
  }
}
