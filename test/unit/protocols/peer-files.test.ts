/** What other implementations wrote: every file of the peers' data in one of the three protocols is read; without the data the tests skip. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, type TestContext, test } from 'vitest'
import { utf8 } from '../../../src/core/base/bytes.js'
import { decodeSetup } from '../../../src/core/protocols/setup/decode.js'
import { encodeSetup } from '../../../src/core/protocols/setup/encode.js'
import { peerDataDir, skipOrFail } from '../../support/peers/validators.js'
import { faultOf } from '../../support/protocols/decoding.js'

/** Returns the files in folders of the peers' data whose name matches; skips the test, saying so, where a folder is absent. */
function filesIn(context: TestContext, folders: readonly string[], name: RegExp): readonly string[] {
  return folders.flatMap((folder) => {
    const path = join(peerDataDir, folder)
    if (!existsSync(path)) skipOrFail(context, [path])
    return readdirSync(path)
      .filter((file) => name.test(file))
      .map((file) => join(path, file))
  })
}

describe('RFC 8183', () => {
  const folders = ['rfc8183', 'rpki-rs/rfc8183', 'rpki-commons/isc-interop-updown']

  test('every file is read, and what is written of it is read again', (context) => {
    const files = filesIn(context, folders, /\.xml$/).filter((file) => !file.includes('invalid'))
    expect(files.length).toBeGreaterThanOrEqual(20)
    for (const file of files) {
      const message = decodeSetup(readFileSync(file))
      expect(decodeSetup(utf8(encodeSetup(message))), file).toEqual(message)
      if (message.kind !== 'error') expect(message.id.length, file).toBeGreaterThan(500)
    }
  })

  test.for([
    ['rfc8183/apnic-parent-response.xml', { kind: 'parent_response', parentHandle: 'APNIC-AP' }],
    ['rfc8183/child_request_with_unicode_space_char.xml', { childHandle: 'child-request-with-unicode-space-char' }],
    ['rfc8183/child_request_with_whitespace.xml', { childHandle: 'child-request-with-whitespace' }],
    ['rfc8183/rpkid-parent-response-offer.xml', { kind: 'parent_response', offer: true, referrals: [] }],
    ['rpki-rs/rfc8183/krill-0-9-parent-response.xml', { parentHandle: 'test_parent' }],
    [
      'rpki-rs/rfc8183/rpkid-parent-response-referral.xml',
      { offer: false, referrals: [{ contactUri: 'http://example.com/info' }] },
    ],
    [
      'rpki-rs/rfc8183/rpkid-publisher-request.xml',
      { kind: 'publisher_request', publisherHandle: 'Bob', tag: 'A0001' },
    ],
    ['rpki-commons/isc-interop-updown/bob-child-id.xml', { kind: 'child_request', childHandle: 'Bob' }],
  ] as const)('%s', ([name, expected], context) => {
    const [file = ''] = filesIn(context, [join(name, '..')], new RegExp(`^${name.split('/').at(-1)}$`))
    expect(decodeSetup(readFileSync(file))).toMatchObject(expected)
  })

  test('the file with invalid base64 is refused', (context) => {
    const [file = ''] = filesIn(context, ['rfc8183'], /invalid_base64/)
    expect(faultOf(decodeSetup, readFileSync(file))).toMatch(/line 2, .* <child_bpki_ta> is not base64 .*5.2.1/)
  })
})
