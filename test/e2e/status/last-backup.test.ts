/** The last backup in `brine status` by the built program. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ok } from '../../support/sites/desired-state.js'
import { runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
})
afterAll(() => box.remove())

interface Shown {
  readonly lastBackup: { readonly at: string; readonly file: string; readonly encrypted: boolean } | null
}

const shown = async (dir: string) => (await runAt(dir, ['status', '--json'])).json<Shown>().lastBackup

describe('the last backup', () => {
  it('is shown with its age to people, scripts and monitoring', async () => {
    const dir = box.copy()
    expect(await shown(dir)).toBeNull()
    expect((await runAt(dir, ['status'])).stdout).toMatch(/^last backup +none on this machine$/m)
    const file = join(box.path, 'one.tar')
    const { cutAt } = (await ok(dir, ['backup', 'create', file, '--plain', '--json'])).json<{ cutAt: string }>()
    expect(await shown(dir)).toMatchObject({ at: cutAt, encrypted: false, file: expect.stringContaining('one.tar') })
    expect((await runAt(dir, ['status'])).stdout).toMatch(
      /^last backup 2026-11-21T12:\S+ \(.*\), .*one\.tar\S*, not encrypted$/m,
    )
    expect((await runAt(dir, ['status', '--nagios'])).stdout).toMatch(/ backup_age=\d+s/)
    const prom = join(box.path, 'brine.prom')
    await runAt(dir, ['status', '--prom', prom])
    const seconds = Date.parse(cutAt) / 1000
    expect(readFileSync(prom, 'utf8')).toContain(`\nbrine_last_backup_timestamp_seconds ${seconds}\n`)
  })

  it('is not one that failed, a dry run, or a damaged record', async () => {
    const dir = box.copy()
    await ok(dir, ['backup', 'create', join(box.path, 'two.tar'), '--plain', '--dry-run'])
    const taken = join(box.path, 'taken')
    writeFileSync(taken, '')
    expect((await runAt(dir, ['backup', 'create', taken, '--plain'])).code).toBe(2)
    expect(await shown(dir)).toBeNull()
    for (const text of ['{', '[]', '{"at":"never","file":"x"}', '{"at":"2026-11-21T12:00:00Z"}']) {
      writeFileSync(join(dir, 'status', 'last-backup.json'), text)
      chmodSync(join(dir, 'status', 'last-backup.json'), 0o600)
      expect(await shown(dir)).toBeNull()
    }
    await ok(dir, ['backup', 'create', join(box.path, 'three.tar'), '--plain'])
    expect(await shown(dir)).not.toBeNull()
  })
})
