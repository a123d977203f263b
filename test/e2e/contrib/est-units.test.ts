/** The systemd units of contrib/ for EST behind a web server. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { contribText } from '../../support/peers/servers.js'
import { findProgram } from '../../support/peers/validators.js'
import { projectDir, runProgram, shimmedEnv, writeShim } from '../../support/processes/brine-shim.js'

test('brine-est.socket and brine-est.service pass systemd-analyze verify and leave little exposed', async (context) => {
  const analyze = findProgram('systemd-analyze') ?? context.skip('missing: systemd-analyze')
  const folder = mkdtempSync(join(tmpdir(), 'brine-units-'))
  try {
    mkdirSync(join(folder, 'manuals'))
    symlinkSync(join(projectDir, 'man'), join(folder, 'manuals', 'man1'))
    const units = ['brine-est.socket', 'brine-est.service'].map((name) => join(folder, name)) as [string, string]
    writeFileSync(units[0], contribText('brine-est.socket', []))
    writeFileSync(units[1], contribText('brine-est.service', [['/usr/local/bin/brine', writeShim(folder)]]))
    const env = shimmedEnv(folder, { MANPATH: join(folder, 'manuals') })
    const { status, stderr } = await runProgram(analyze, ['verify', ...units], { env })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    const security = await runProgram(analyze, ['security', '--offline=true', '--threshold=25', units[1]])
    expect(security.status).toBe(0)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
