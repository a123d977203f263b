/** What a change reports: published only where the publication server took part in the commit. */
import { expect, test } from 'vitest'
import { outcomeOf, soonest } from '../../../../src/core/app/changes/outcome.js'
import type { TransactionResult } from '../../../../src/core/app/transaction/transact.js'
import { parseHandle } from '../../../../src/core/base/handle.js'
import type { Instant } from '../../../../src/core/base/time.js'
import { changeEnding } from '../../../../src/core/cli/output/change-ending.js'
import type { Kind } from '../../../../src/core/eventsourcing/types.js'

const ACME = parseHandle('acme')
const AT = '2026-11-21T12:00:00Z' as Instant

function changeOf(...kinds: readonly Kind[]): TransactionResult<null> {
  const aggregates = kinds.map((kind) => ({ id: { kind, handle: ACME }, version: 3, sequence: 2 }))
  const served = { serial: 7, session: 's', report: {} } as unknown as NonNullable<TransactionResult<null>['tree']>
  return {
    result: null,
    commit: { commit: 9, aggregates },
    tree: served,
    changed: true,
    at: AT,
    unsynced: [],
    demand: { lasting: 0, oneTime: 2 },
  }
}

test('a commit with the publication server is published under its serial', () => {
  expect(outcomeOf(changeOf('ca', 'pubd'), 'ca', ACME, AT)).toMatchObject({ sequence: 2, serial: 7, published: true })
})

test('a CA that publishes nowhere is not said to be published', () => {
  expect(outcomeOf(changeOf('ca'), 'ca', ACME, null)).toMatchObject({ sequence: 2, serial: null, published: false })
})

test('a CA whose repository elsewhere waits for the change is named, on the last line as well', () => {
  const outcome = outcomeOf({ ...changeOf('ca'), unsynced: [ACME] }, 'ca', ACME, null)
  expect(outcome).toMatchObject({ published: false, unsynced: ['acme'] })
  expect(changeEnding('acme', outcome, ['+1 ROA'])).toBe(
    'acme seq 2: +1 ROA; not published yet: the next tick sends it, or brine repo sync acme at once',
  )
  expect(outcomeOf(changeOf('ca'), 'ca', ACME, null)).not.toHaveProperty('unsynced')
})

test('the sooner of two instants that may be missing', () => {
  const late = '2026-11-21T13:00:00Z' as Instant
  expect([soonest(null, AT), soonest(late, null), soonest(late, AT)]).toEqual([AT, late, AT])
})
