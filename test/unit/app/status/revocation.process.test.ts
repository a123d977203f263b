/** The countdown to what registries revoke, from a CA under a parent elsewhere that publishes no more: in status and in its metrics. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { configureLocalRepository } from '../../../../src/core/app/authority/parents.js'
import { deliverByHttp } from '../../../../src/core/app/exchange/client/deliver.js'
import { addRemoteParent } from '../../../../src/core/app/exchange/client/parent-contact.js'
import { refreshParent } from '../../../../src/core/app/exchange/client/refresh-parent.js'
import { prometheusText } from '../../../../src/core/app/status/formats.js'
import { status } from '../../../../src/core/app/status/status.js'
import { addSeconds, epochOf, type Instant } from '../../../../src/core/base/time.js'
import { scratchFolder } from '../../../support/sites/testbed.js'
import {
  childElsewhere,
  childRequest,
  KID,
  newDirectories,
  type TwoDirectories,
  UP,
} from '../../../support/sites/two-directories.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
const DAY = 86_400
const scratch = scratchFolder('revocation')
let now = NOW
let two: TwoDirectories

beforeAll(async () => {
  two = await newDirectories(scratch.dir, () => now)
  await configureLocalRepository(await two.here(), KID)
  const response = await childElsewhere(two, await childRequest(two))
  await addRemoteParent(await two.here(), KID, UP, { response, permissions: { allowPrivate: true } })
}, 60_000)
afterAll(() => scratch.remove())

const countdown = async () => {
  const report = await status(await two.here())
  const { revocationFrom = null } = report.parents[0] ?? {}
  const metric = /^brine_parent_revocation_timestamp_seconds\{.*\} (\d+)$/m.exec(prometheusText(report))?.[1]
  return { from: revocationFrom, metric, found: report.concerns.filter(({ code }) => code === 'revocation-near') }
}

test('it begins when the manifest goes stale, and says how much is left', async () => {
  expect(await countdown()).toEqual({ from: null, metric: undefined, found: [] })
  now = addSeconds(now, 60)
  const deliver = deliverByHttp(await two.here(), 'brine/test', async ({ uri, body }) => {
    return { body: await two.answer(uri, body), peerTime: null }
  })
  await refreshParent(await two.here(), KID, UP, { deliver })
  const fresh = await countdown()
  if (fresh.from === null) throw new Error('nothing is published')
  expect(fresh).toMatchObject({ metric: `${epochOf(fresh.from)}`, found: [] })
  const staleAt = addSeconds(fresh.from, -90 * DAY)
  expect(staleAt > NOW && staleAt < addSeconds(NOW, 3 * DAY)).toBe(true)

  now = addSeconds(staleAt, 50 * DAY)
  const late = await countdown()
  expect(late).toMatchObject({ from: fresh.from, metric: `${epochOf(fresh.from)}` })
  expect(late.found).toMatchObject([{ level: 'critical', message: expect.stringMatching(/in 40d\)$/) }])
  expect(late.found[0]?.message).toContain(`kid has no valid manifest since ${staleAt}`)
})
