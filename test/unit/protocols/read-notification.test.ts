/** The reader of notifications takes what the encoder writes, and what other programs write in another way. */
import { expect, it } from 'vitest'
import { utf8 } from '../../../src/core/base/bytes.js'
import type { Sha256 } from '../../../src/core/crypto/ports.js'
import { readNotification as readBytes } from '../../../src/core/protocols/read-notification.js'
import { formatNotification } from '../../../src/core/protocols/rrdp.js'

const readNotification = (text: string) => readBytes(utf8(text))
const session = '9df4b597-af9e-4dca-bdda-719cce2c4e28'
const hash = (n: number): Sha256 => String(n).repeat(64) as Sha256
const file = (n: number) => ({ uri: `https://h/rrdp/${n}?a=1&b=2`, sha256: hash(n) })
const notification = {
  session,
  serial: 3,
  snapshot: file(1),
  deltas: [
    { ...file(2), serial: 3 },
    { ...file(4), serial: 2 },
  ],
}

it('what the encoder writes is read back', () => {
  expect(readNotification(formatNotification(notification))).toEqual(notification)
  const bare = { ...notification, deltas: [] }
  expect(readNotification(formatNotification(bare))).toEqual(bare)
})

it('other quotes, white space, order, prefixes of attributes and upper case are read too', () => {
  const text = `<?xml version='1.0'?>\n<notification serial='3'\n session_id="${session.toUpperCase()}" version="1" xmlns="http://www.ripe.net/rpki/rrdp">
    <delta hash="${hash(4)}" uri='https://h/rrdp/4?a=1&amp;b=2' serial="2" />
    <snapshot  hash="${hash(1)}"  uri="https://h/rrdp/1?a=1&amp;b=2"></snapshot>
    <delta hash="${hash(2)}" uri="https://h/rrdp/2?a=1&amp;b=2" serial="3"/></notification>\n\n`
  expect(readNotification(text)).toEqual(notification)
})

const text = formatNotification(notification)
it.each([
  ['nothing', ''],
  ['an error page', '<html><body>404 not found</body></html>'],
  ['a text that ends early', text.slice(0, -20)],
  ['no serial', text.replace(/serial="3"/, '')],
  ['a serial of 0', text.replace('serial="3"', 'serial="0"')],
  ['no snapshot', text.replace(/<snapshot.*\n/, '')],
  ['two snapshots', text.replace(/(<snapshot.*\n)/, '$1$1')],
  ['a delta without a hash', text.replace(/(<delta.*) hash="[^"]*"/, '$1')],
  ['a short hash', text.replace(hash(1), '11')],
  ['another namespace', text.replace('/rpki/rrdp', '/rpki/rrpd')],
  ['a DTD', text.replace('<notification', '<!DOCTYPE x [<!ENTITY a "b">]><notification')],
])('%s is no notification', (_what, bad) => {
  expect(bad).not.toBe(text)
  expect(readNotification(bad)).toBeUndefined()
})
