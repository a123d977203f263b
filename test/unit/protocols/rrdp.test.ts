import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { utf8 } from '../../../src/core/base/bytes.js'
import { sha256Hex } from '../../../src/core/crypto/digest.js'
import {
  deltaFrameLength,
  formatDelta,
  formatNotification,
  formatSnapshot,
  publishLength,
  snapshotFrameLength,
  withdrawLength,
} from '../../../src/core/protocols/rrdp.js'
import { escapeXml } from '../../../src/core/xml/escape.js'

const session = '9df4b597-af9e-4dca-bdda-719cce2c4e28'
const one = sha256Hex('one')
const two = sha256Hex('two')

describe('RRDP documents', () => {
  it('write the notification of RFC 8182 section 3.5.1, deltas newest first', () => {
    const text = formatNotification({
      session,
      serial: 3,
      snapshot: { uri: 'https://h.example/s/3/x/snapshot.xml', sha256: one },
      deltas: [
        { serial: 3, uri: 'https://h.example/s/3/x/delta.xml', sha256: two },
        { serial: 2, uri: 'https://h.example/s/2/y/delta.xml', sha256: one },
      ],
    })
    expect(text).toBe(
      `<notification xmlns="http://www.ripe.net/rpki/rrdp" version="1" session_id="${session}" serial="3">\n` +
        `<snapshot uri="https://h.example/s/3/x/snapshot.xml" hash="${one}"/>\n` +
        `<delta serial="3" uri="https://h.example/s/3/x/delta.xml" hash="${two}"/>\n` +
        `<delta serial="2" uri="https://h.example/s/2/y/delta.xml" hash="${one}"/>\n` +
        '</notification>\n',
    )
  })

  it.each([[[2]], [[3, 1]], [[4, 3]]])('refuse a delta list with a hole: %j at serial 3', (serials) => {
    const deltas = serials.map((serial) => ({ serial, uri: 'https://h.example/d', sha256: one }))
    expect(() =>
      formatNotification({ session, serial: 3, snapshot: { uri: 'https://h.example/s', sha256: one }, deltas }),
    ).toThrow(RangeError)
  })

  it('write snapshots without hashes and deltas with the hash of what is replaced or withdrawn', () => {
    expect([...formatSnapshot(session, 7, [{ uri: 'rsync://h/m/a.roa', bytes: utf8('one') }])].join('')).toBe(
      `<snapshot xmlns="http://www.ripe.net/rpki/rrdp" version="1" session_id="${session}" serial="7">\n` +
        '<publish uri="rsync://h/m/a.roa">b25l</publish>\n</snapshot>\n',
    )
    const elements = [
      { uri: 'rsync://h/m/a.roa', bytes: utf8('two'), replaces: one },
      { uri: 'rsync://h/m/b.roa', bytes: utf8('new') },
      { uri: 'rsync://h/m/c.roa', withdraws: two },
    ]
    expect([...formatDelta(session, 8, elements)].join('')).toBe(
      `<delta xmlns="http://www.ripe.net/rpki/rrdp" version="1" session_id="${session}" serial="8">\n` +
        `<publish uri="rsync://h/m/a.roa" hash="${one}">dHdv</publish>\n` +
        '<publish uri="rsync://h/m/b.roa">bmV3</publish>\n' +
        `<withdraw uri="rsync://h/m/c.roa" hash="${two}"/>\n</delta>\n`,
    )
  })

  it('know the length of every element before it is made', () => {
    const uri = fc.constantFrom('rsync://h/m/a.roa', `rsync://h/m/${'x'.repeat(300)}`, 'rsync://h/m/?a&b"<>')
    fc.assert(
      fc.property(uri, fc.uint8Array({ maxLength: 50 }), fc.boolean(), fc.nat(), (where, bytes, replacing, serial) => {
        const publish = replacing ? { uri: where, bytes, replaces: one } : { uri: where, bytes }
        const withdraw = { uri: where, withdraws: two }
        const delta = [...formatDelta(session, serial, [publish, withdraw])].join('')
        const elements = publishLength(where, bytes.length, replacing) + withdrawLength(where)
        expect(Buffer.byteLength(delta)).toBe(deltaFrameLength(session, serial) + elements)
        const snapshot = [...formatSnapshot(session, serial, [{ uri: where, bytes }])].join('')
        expect(Buffer.byteLength(snapshot)).toBe(
          snapshotFrameLength(session, serial) + publishLength(where, bytes.length),
        )
      }),
    )
  })

  it('hand out a snapshot in chunks, one an object, as they are asked for', () => {
    let made = 0
    const objects = function* () {
      for (; ; made++) yield { uri: `rsync://h/m/${made}.roa`, bytes: utf8('x') }
    }
    const chunks = formatSnapshot(session, 1, objects())
    for (let i = 0; i < 4; i++) chunks.next()
    expect(made).toBe(2)
  })

  it('escape what XML would read as markup', () => {
    expect(escapeXml(`a&b<c>d"e'f`)).toBe('a&amp;b&lt;c&gt;d&quot;e&apos;f')
  })
})
