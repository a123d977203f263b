/** The next steps after a restore name the CAs that exist, and not those that were removed. */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { addCa, removeCa } from '../../../../src/core/app/authority/cas.js'
import { resourcesOf } from '../../../../src/core/app/authority/resource-arguments.js'
import { restoreBackup } from '../../../../src/core/app/backup/restore.js'
import { parseHandle } from '../../../../src/core/base/handle.js'
import { newTestbed, quickSession } from '../../../support/sites/testbed.js'
import { fastest } from '../../../support/store/store.js'

const NOW = '2026-01-01T00:00:00Z'
const folder = mkdtempSync(join(fastest(), 'brine-next-steps-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('a removed CA is not synchronised', async () => {
  const dir = join(folder, 'data')
  await newTestbed(dir, NOW)
  const [parent, acme] = [parseHandle('testbed'), parseHandle('acme')]
  await addCa(await quickSession(dir, NOW), acme, { parent, resources: resourcesOf('10.0.0.0/8') })
  await removeCa(await quickSession(dir, NOW), acme)
  const { options } = await quickSession(dir, NOW)
  const keys = { identities: [] }
  const report = await restoreBackup({ ...options, dataDir: join(folder, 'restored') }, { source: dir, keys })
  expect(report.aggregates.map((a) => a.handle)).toContain('acme')
  expect(report.nextSteps.filter((step) => step.includes('repo sync'))).toEqual([
    expect.stringMatching(/every CA with its repository: testbed$/),
  ])
}, 60_000)
