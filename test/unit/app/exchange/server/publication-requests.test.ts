/** Deltas of a publisher: the depth of a name is limited, so that the folders to compare follow the length of the message. */
import { describe, expect, test } from 'vitest'
import { reviewDelta } from '../../../../../src/core/app/exchange/server/publication-requests.js'
import type { Instant } from '../../../../../src/core/base/time.js'
import type { Pdu } from '../../../../../src/core/protocols/publication/types.js'
import type { Publisher } from '../../../../../src/core/pubd/state.js'
import { MAX_FOLDERS, MAX_URI_LENGTH } from '../../../../../src/core/pubd/uri.js'

const base = 'rsync://rpki.example.net/repo/customer/'
const at = '2026-11-21T12:00:00Z' as Instant
const publisher: Publisher = { base, objects: {}, addedAt: at, updatedAt: at }
const publish = (name: string): Pdu => ({ kind: 'publish', uri: base + name, bytes: new Uint8Array() })
const below = (folders: number, name: string): string => `${'f/'.repeat(folders)}${name}`

describe('a name in many folders', () => {
  test('is published up to the limit', () => {
    const review = reviewDelta(publisher, [publish(below(MAX_FOLDERS, 'a.roa'))])
    expect(review).toMatchObject({ named: [{ name: below(32, 'a.roa') }] })
  })

  test('is refused above it with the error of the protocol', () => {
    const { errors } = reviewDelta(publisher, [publish(below(MAX_FOLDERS + 1, 'a.roa'))])
    expect(errors).toMatchObject([{ code: 'permission_failure' }])
  })

  test('is refused before its folders are compared, of each of the names of the longest message', () => {
    const depth = Math.floor((MAX_URI_LENGTH - base.length - 10) / 2)
    const names = Array.from({ length: 15_000 }, (_, n) => below(depth, `${n}.roa`))
    const { errors = [] } = reviewDelta(publisher, names.map(publish))
    expect(errors).toHaveLength(100)
    expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(['permission_failure']))
  })
})
