/** The thresholds at which the end of a certificate is reported. */
import { expect, it } from 'vitest'
import { addSeconds, type Instant } from '../../../src/core/base/time.js'
import { expiryLevel, formatExpiry } from '../../../src/core/pki/expiry.js'

const NOW = '2026-12-01T00:00:00Z' as Instant
const DAY = 86_400
const ending = (days: number, seconds = 0, since = -3650) => ({
  notBefore: addSeconds(NOW, since * DAY),
  notAfter: addSeconds(NOW, days * DAY + seconds),
})

it.each<[string, number, number, string, string]>([
  ['90 days', 90, 0, 'ok', 'ok'],
  ['a second less', 90, -1, 'warning', 'ok'],
  ['30 days', 30, 0, 'warning', 'ok'],
  ['a second less than that', 30, -1, 'warning', 'warning'],
  ['7 days', 7, 0, 'warning', 'warning'],
  ['less than 7 days', 7, -1, 'critical', 'critical'],
  ['the end', 0, 0, 'critical', 'critical'],
  ['long after', -1000, 0, 'critical', 'critical'],
])('%s left: a CA certificate and another one', (_, days, seconds, ca, other) => {
  expect([expiryLevel(ending(days, seconds), true, NOW), expiryLevel(ending(days, seconds), false, NOW)]).toEqual([
    ca,
    other,
  ])
})

it('says when, and how long that is', () => {
  expect(formatExpiry(ending(12), NOW)).toBe('expires at 2026-12-13T00:00:00Z, in 12d')
  expect(formatExpiry(ending(0), NOW)).toBe('expired at 2026-12-01T00:00:00Z')
  expect(formatExpiry(ending(9, 0, 1), NOW)).toBe('is not valid before 2026-12-02T00:00:00Z')
})
