/** Two commands that want the same at once: both pass their rehearsal, one commits, the other is told no by the rule and that is recorded. */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { roaArguments } from '../../../src/core/app/authority/roa-set.js'
import { updateRoas } from '../../../src/core/app/authority/roas.js'
import { AppError } from '../../../src/core/base/errors.js'
import { parseHandle } from '../../../src/core/base/handle.js'
import { openStore } from '../../../src/core/store/commit/file-store.js'
import { newTestbed, quickSession, scratchFolder } from '../../support/sites/testbed.js'

const TESTBED = parseHandle('testbed')
const scratch = scratchFolder('same')
const dataDir = join(scratch.dir, 'data')

beforeAll(() => newTestbed(dataDir))
afterAll(scratch.remove)

test('one is done, the others are rejected and stand in history', async () => {
  const sessions = await Promise.all([1, 2, 3].map(() => quickSession(dataDir)))
  const delta = roaArguments({ add: ['192.0.2.0/24 => 64496'] })
  const ended = await Promise.allSettled(sessions.map((session) => updateRoas(session, TESTBED, delta)))
  expect(ended.filter((e) => e.status === 'fulfilled')).toHaveLength(1)
  for (const e of ended) {
    if (e.status === 'fulfilled') continue
    expect(e.reason).toBeInstanceOf(AppError)
    expect(e.reason).toMatchObject({ kind: 'rejected', changed: 'no' })
  }
  const results = await openStore(dataDir).read(async (reader) => {
    const id = { kind: 'ca', handle: TESTBED } as const
    const last = reader.load(id)?.sequence ?? 0
    return [2, 1, 0].map((back) => reader.command(id, last - back).effect.result)
  })
  expect(results).toEqual(['accepted', 'rejected', 'rejected'])
})
