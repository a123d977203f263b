/** Validity and renewal margin of every kind of object, and when a publication point is due. */
import { describe, expect, test } from 'vitest'
import { addSeconds, type Instant } from '../../../src/core/base/time.js'
import type { Sha256 } from '../../../src/core/crypto/ports.js'
import { dueAt, endOfValidity, isDue, isPointDue, pointDueTimes } from '../../../src/core/issuing/due.js'
import { EMPTY_POINT, type PublicationPoint } from '../../../src/core/issuing/point.js'
import { DEFAULT_TIMING } from '../../../src/core/issuing/timing.js'
import type { ObjectKind } from '../../../src/core/rpki/object-kinds.js'

const NOW = '2026-06-01T00:00:00Z' as Instant
const [HOUR, WEEK] = [3600, 7 * 86_400]

const portsAt = (now: Instant) => ({ clock: { now: () => now }, timing: DEFAULT_TIMING })

describe.each<[ObjectKind, validity: number, margin: number]>([
  ['roa', 52 * WEEK, 4 * WEEK],
  ['asa', 52 * WEEK, 4 * WEEK],
  ['cer', 52 * WEEK, 4 * WEEK],
  ['ta', 10 * 365 * 86_400, 26 * WEEK],
  ['mft', 24 * HOUR, 8 * HOUR],
  ['crl', 24 * HOUR, 8 * HOUR],
])('an object of kind %s', (kind, validity, margin) => {
  const end = addSeconds(NOW, validity)

  test('is valid as long as its kind says', () => expect(endOfValidity(kind, portsAt(NOW))).toBe(end))

  test('is due from its margin on, not a second before', () => {
    expect(dueAt(kind, end, DEFAULT_TIMING)).toBe(addSeconds(end, -margin))
    expect(isDue(kind, end, portsAt(addSeconds(end, -margin - 1)))).toBe(false)
    expect(isDue(kind, end, portsAt(addSeconds(end, -margin)))).toBe(true)
  })
})

describe('each setting belongs to one kind', () => {
  test.each<[ObjectKind, keyof typeof DEFAULT_TIMING, keyof typeof DEFAULT_TIMING]>([
    ['roa', 'roaValidSeconds', 'roaReissueSeconds'],
    ['asa', 'aspaValidSeconds', 'aspaReissueSeconds'],
    ['router', 'routerValidSeconds', 'routerReissueSeconds'],
    ['cer', 'childValidSeconds', 'childReissueSeconds'],
    ['ta', 'taValidSeconds', 'taReissueSeconds'],
    ['mft', 'publishNextSeconds', 'publishBeforeNextSeconds'],
  ])('%s: %s and %s', (kind, valid, margin) => {
    const timing = { ...DEFAULT_TIMING, [valid]: 1000, [margin]: 10 }
    expect(endOfValidity(kind, { clock: { now: () => NOW }, timing })).toBe(addSeconds(NOW, 1000))
    expect(dueAt(kind, NOW, timing)).toBe(addSeconds(NOW, -10))
  })
})

describe('a publication point', () => {
  const object = (notAfter: Instant) => ({ sha256: '' as Sha256, size: 1, serial: '01', notAfter, content: '' })
  const pointOf = (objects: PublicationPoint['objects']): PublicationPoint => ({
    ...EMPTY_POINT,
    nextUpdate: addSeconds(NOW, 24 * HOUR),
    objects,
  })

  test('without a manifest is due and has no times', () => {
    expect(isPointDue(EMPTY_POINT, portsAt(NOW))).toBe(true)
    expect(pointDueTimes(EMPTY_POINT, DEFAULT_TIMING)).toBeNull()
  })

  test('is due with its manifest, or earlier with the first object that runs out', () => {
    const staleAt = addSeconds(NOW, 24 * HOUR)
    expect(pointDueTimes(pointOf({}), DEFAULT_TIMING)).toEqual({ due: addSeconds(NOW, 16 * HOUR), staleAt })
    const late = { 'a.roa': object(addSeconds(NOW, 30 * WEEK)) }
    expect(pointDueTimes(pointOf(late), DEFAULT_TIMING)?.due).toBe(addSeconds(NOW, 16 * HOUR))
    const soon = { ...late, 'b.asa': object(addSeconds(NOW, 4 * WEEK + HOUR)) }
    expect(pointDueTimes(pointOf(soon), DEFAULT_TIMING)).toEqual({ due: addSeconds(NOW, HOUR), staleAt })
  })

  test('with an object of an unknown kind has no times but an error', () => {
    expect(() => pointDueTimes(pointOf({ 'a.xyz': object(NOW) }), DEFAULT_TIMING)).toThrow('a.xyz')
  })
})
