/** A certificate whose file cannot be written is not lost: the failure says how to get it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import type { Enrolled } from '../../../src/core/app/enrolment/enrolment-run.js'
import { instantOf } from '../../../src/core/base/time.js'
import { deliver } from '../../../src/core/cli/flags/enrolment.js'

const dir = mkdtempSync(join(tmpdir(), 'brine-deliver-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

it('names the command that writes an issued certificate elsewhere', () => {
  const at = instantOf(1_767_225_600)
  const enrolled: Enrolled = {
    ...{ id: '0b1f6e2a9c3d4e5f', label: 'device', ca: 'one', serial: '1f', notBefore: at, notAfter: at },
    differences: [],
    ...{ failover: false, attempts: [], candidates: [], certificate: Uint8Array.of(0x30, 0) },
  }
  const out = join(dir, 'taken.pem')
  writeFileSync(out, '')
  expect(() => deliver(enrolled, { explain: false, out })).toThrow(
    expect.objectContaining({
      code: 'file-exists',
      changed: 'yes',
      hint: 'brine est cert show 0b1f6e2a9c3d4e5f --out FILE',
      message: expect.stringContaining('the certificate is issued'),
    }),
  )
})
