/** `repo sync` after a repository went back to an older state: what the CA wants is served again, what it does not is gone. */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { syncRepository } from '../../../../src/core/app/authority/repo-sync.js'
import { auditVerify } from '../../../../src/core/app/proof/audit.js'
import { caState, pubdState, runPubd } from '../../../../src/core/app/session/context.js'
import { transact } from '../../../../src/core/app/transaction/transact.js'
import { parseHandle } from '../../../../src/core/base/handle.js'
import { publishedFiles } from '../../../../src/core/ca/state/files.js'
import { publicationDelta } from '../../../../src/core/pubd/content.js'
import { newTestbed, quickSession, scratchFolder } from '../../../support/sites/testbed.js'

const NOW = '2026-11-21T12:00:00Z'
const CA = parseHandle('testbed')
const { dir, remove } = scratchFolder('sync')
const dataDir = join(dir, 'data')

beforeAll(() => newTestbed(dataDir, NOW), 60_000)
afterAll(remove)

/** As an older state of the server is: without what the CA published last, with a file that it has withdrawn since. */
async function goBack(): Promise<number> {
  const { result } = await transact(await quickSession(dataDir, NOW), async (tx) => {
    const files = publishedFiles(caState(tx.work, CA))
    const [first] = files
    if (first === undefined) throw new Error('the CA publishes nothing')
    const delta = publicationDelta(pubdState(tx.work), CA, [{ ...first, name: 'withdrawn.roa' }])
    await runPubd(tx, { type: 'publish', changes: [delta] })
    return files.length
  })
  return result
}

it('says in a dry run what it would publish, publishes it, and then has nothing to do', async () => {
  const files = await goBack()
  const dry = await syncRepository(await quickSession(dataDir, NOW), CA, { dryRun: true })
  expect(dry).toMatchObject({ put: files, withdrawn: 1 })
  expect(await syncRepository(await quickSession(dataDir, NOW), CA)).toMatchObject({
    put: files,
    withdrawn: 1,
    changed: true,
  })
  expect((await auditVerify(await quickSession(dataDir, NOW))).problems).toEqual([])
  expect(await syncRepository(await quickSession(dataDir, NOW), CA)).toMatchObject({
    put: 0,
    withdrawn: 0,
    changed: false,
  })
})
