/** How `brine parent refresh` ends: 15 where a parent failed, refused or contradicts itself, 3 where ROAs were lost unasked. */
import { expect, test } from 'vitest'
import type { RefreshAllReport } from '../../../../src/core/app/exchange/client/refresh-parents.js'
import { parseHandle } from '../../../../src/core/base/handle.js'
import { refreshOutcome } from '../../../../src/core/cli/peer-views/parents.js'
import type { KeyId } from '../../../../src/core/crypto/ports.js'

const [CA, UP] = ['kid', 'up'].map(parseHandle) as [never, never]
type Row = RefreshAllReport['parents'][number]

const refreshed = (row: Partial<Row> = {}, failed: RefreshAllReport['failed'] = []): RefreshAllReport => ({
  ca: CA,
  changed: false,
  parents: [{ ca: CA, parent: UP, changed: false, requests: [], classes: [], findings: [], lost: [], ...row }],
  failed,
})
const asked = (outcome: Row['requests'][number]['outcome']): Partial<Row> => ({
  requests: [{ kind: 'issue', class: '0', ski: 'AA' as KeyId, outcome, status: null, message: null }],
})
const finding = { findings: [{ code: 'certificate-short', message: 'short' }] } as const
const lost = { lost: [{ ca: CA, roa: '10.0.0.0/24-24 => 64496' }] }

test.each([
  ['ok', false, refreshed()],
  ['ok', false, refreshed(asked('waiting'))],
  ['remote', false, refreshed(asked('refused'))],
  ['remote', false, refreshed(asked('failed'))],
  ['remote', false, refreshed({}, [{ parent: UP, code: 'peer-timeout', message: 'silent' }])],
  ['remote', true, refreshed(finding)],
  ['remote', false, refreshed({ ...finding, ...lost })],
  ['partial', false, refreshed(lost)],
  ['ok', true, refreshed(lost)],
])('%s, with --accept-loss %s', (outcome, acceptsLoss, report) => {
  expect(refreshOutcome(report, acceptsLoss)).toBe(outcome)
})
