/** The difference between a list and what a CA wants, as PDUs, and the PDU that an error of the server is about. */
import { describe, expect, test } from 'vitest'
import { deltaPdus, refusalText, refusedPdu } from '../../../../../src/core/app/exchange/client/publication-delta.js'

const BASE = 'rsync://rpki.example/repo/acme/'
const hash = (digit: string): string => digit.repeat(64)
const wanted = (name: string, digit: string) => ({ name, sha256: hash(digit) })
const listed = (uri: string, digit: string) => ({ uri, hash: hash(digit) })
const delta = (
  objects: readonly ReturnType<typeof listed>[],
  files: readonly ReturnType<typeof wanted>[],
): ReturnType<typeof deltaPdus> => deltaPdus(BASE, objects, files, ({ name }) => Buffer.from(name))

test('what differs is published, replaced or withdrawn by hash, and what agrees is not sent', () => {
  const objects = [listed(`${BASE}0/gone.roa`, 'a'), listed(`${BASE}0/old.mft`, 'b'), listed(`${BASE}0/same.crl`, 'c')]
  const files = [wanted('0/same.crl', 'c'), wanted('0/old.mft', 'd'), wanted('0/new.roa', 'e')]
  expect(delta(objects, files)).toEqual([
    { kind: 'withdraw', tag: hash('a'), uri: `${BASE}0/gone.roa`, hash: hash('a') },
    { kind: 'publish', tag: hash('e'), uri: `${BASE}0/new.roa`, bytes: Buffer.from('0/new.roa') },
    { kind: 'publish', tag: hash('d'), uri: `${BASE}0/old.mft`, hash: hash('b'), bytes: Buffer.from('0/old.mft') },
  ])
  expect(delta([listed(`${BASE}0/same.crl`, 'c')], [wanted('0/same.crl', 'c')])).toEqual([])
})

test('a host that is written in other letters is the same; its URI is sent as it was listed', () => {
  const uri = 'RSYNC://RPKI.example/repo/acme/0/a.mft'
  expect(delta([listed(uri, 'a')], [wanted('0/a.mft', 'a')])).toEqual([])
  expect(delta([listed(uri, 'a')], [wanted('0/a.mft', 'b')])).toMatchObject([{ uri, hash: hash('a') }])
})

test.each(['../other/x.roa', '%2e%2e/other/x.roa', '0//x.roa', '0/.x.roa', '0/x\u0007.roa', '', '0/'])(
  'a listed URI of no object is left alone: %j',
  (name) => {
    expect(delta([listed(`${BASE}${name}`, 'a'), listed(`${BASE}0/x.roa`, 'b')], [])).toMatchObject([
      { kind: 'withdraw', uri: `${BASE}0/x.roa` },
    ])
  },
)

test('what is listed beside the base is left alone', () => {
  expect(delta([listed('rsync://rpki.example/repo/acme-2/x.roa', 'a')], [])).toEqual([])
})

describe('an error', () => {
  const pdus = delta([listed(`${BASE}a.roa`, 'a'), listed(`${BASE}b.roa`, 'a'), listed(`${BASE}c.roa`, 'c')], [])
  const [first, second, third] = pdus
  const code = 'no_object_present' as const

  test('is matched by its tag, then by the URI of its PDU', () => {
    if (second === undefined) throw new Error('no PDU')
    expect(refusedPdu(pdus, { code, tag: hash('c') })).toBe(third)
    expect(refusedPdu(pdus, { code, tag: hash('a'), failedPdu: second })).toBe(second)
    expect(refusedPdu(pdus, { code, failedPdu: { ...second, tag: 'other' } })).toBe(second)
    expect(refusedPdu(pdus, { code, tag: 'of nothing', failedPdu: second })).toBe(second)
    expect(refusedPdu(pdus, { code, tag: hash('c'), failedPdu: second })).toBe(third)
  })

  test('of neither is about no PDU in particular', () => {
    expect(refusedPdu(pdus, { code })).toBeUndefined()
    expect(refusedPdu(pdus, { code, tag: hash('a') })).toBeUndefined()
    expect(refusedPdu(pdus, { code, tag: '' })).toBeUndefined()
  })

  test('is shown with its URI, and of many the first three', () => {
    expect(refusalText(pdus, [{ code, tag: hash('c'), text: 'not there' }])).toBe(
      `no_object_present for ${BASE}c.roa: not there`,
    )
    expect(refusalText(pdus, Array(5).fill({ code: 'other_error' }))).toBe(
      'other_error; other_error; other_error; and 2 more',
    )
    expect(first?.uri).toBe(`${BASE}a.roa`)
  })
})
