/** The frozen directory with kept records and without its archive is unchanged, and verifies as when it was frozen. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { rebuildTree } from '../../../src/core/app/authority/pubserver.js'
import { auditVerify } from '../../../src/core/app/proof/audit.js'
import { openSession, type Session } from '../../../src/core/app/session/session.js'
import { sha256Hex } from '../../../src/core/crypto/digest.js'
import { frozenDir, thawStore } from '../../support/store/frozen-store.js'
import { fastest } from '../../support/store/store.js'

const NAME = 'format-2-records'
const base = mkdtempSync(join(fastest(), 'brine-records-'))
afterAll(() => rmSync(base, { recursive: true, force: true }))

it('was never edited', () => {
  const found = readdirSync(frozenDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(frozenDir.length + 1))
    .filter((name) => name.startsWith(NAME) && !name.endsWith('.sha256'))
    .map((name) => `${sha256Hex(readFileSync(join(frozenDir, name)))}  ${name}`)
  const listed = readFileSync(join(frozenDir, `${NAME}.sha256`), 'utf8')
    .trimEnd()
    .split('\n')
  expect(found.sort()).toEqual([...listed].sort())
})

it('verifies with its checkpoint, from the snapshots, with nothing that is only claimed', async () => {
  const dataDir = thawStore('2-records', join(base, 'data'))
  const who = { actor: 'tester', osUser: 'tester', host: 'host.example', command: 'test' }
  const session = (): Promise<Session> => openSession({ dataDir, ...who, nowOverride: '2026-11-09T01:00:02Z' })
  await rebuildTree(await session())
  const report = await auditVerify(await session(), { checkpoints: [join(frozenDir, `${NAME}.note`)] })
  expect([...report.problems, ...report.aggregates.flatMap((a) => a.problems)]).toEqual([])
  const frozen = JSON.parse(readFileSync(join(frozenDir, `${NAME}.expected.json`), 'utf8')) as Record<string, unknown>
  const { logical, full } = report.digest ?? {}
  expect({ logical, full, commits: report.commits, head: report.head }).toEqual(frozen)
  expect(report.aggregates.filter((a) => a.verifiedFrom > 0).map((a) => a.handle)).toEqual(['acme', 'testbed', '0'])
  expect(report.aggregates.every((a) => a.unproved.length === 0)).toBe(true)
})
