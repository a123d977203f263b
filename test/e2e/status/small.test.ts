/** Small promises of output: quiet with a file, hints that can be pasted, the count and thresholds of Nagios, keys left unused. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { ChildReport } from '../../../src/core/app/authority/children.js'
import { isNetworkType } from '../../../src/core/audit/survey.js'
import { runBrine } from '../../support/processes/cli.js'
import { NOW, runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
})
afterAll(() => box.remove())

it('--quiet with --prom or --out writes the file and prints nothing; a Nagios line is printed', async () => {
  const prom = join(box.path, 'a.prom')
  const ran = await runAt(box.dataDir, ['status', '--quiet', '--prom', prom])
  expect([ran.code, ran.stdout, ran.stderr, existsSync(prom)]).toEqual([0, '', '', true])
  const tal = join(box.path, 'ta.tal')
  expect((await runAt(box.dataDir, ['ta', 'tal', '--quiet', '--out', tal])).stdout).toBe('')
  expect((await runAt(box.dataDir, ['ta', 'tal', '--quiet'])).stdout).toContain('ta.cer')
  expect((await runAt(box.dataDir, ['status', '--quiet', '--nagios', '--prom', prom])).stdout).toMatch(/^BRINE OK/)
})

it('Nagios counts CAs without the trust anchor, and gives thresholds', async () => {
  const { stdout } = await runAt(box.dataDir, ['status', '--nagios'])
  expect(stdout).toContain('- 2 CAs, ')
  expect(stdout).toMatch(/ cas=2 .*disk_free=\d+B;104857600:;4194304: .*stale_in=\d+s;;3600:/)
})

it('a hint keeps the --data-dir of the command line', async () => {
  const args = ['roa', 'list', 'nobody', '--data-dir', box.dataDir]
  const ran = await runBrine(args, { now: NOW })
  expect(ran.stderr).toContain(`Hint: brine --data-dir ${box.dataDir} ca list shows the CAs`)
})

it('child update names the keys that it leaves unused', async () => {
  const dir = box.copy()
  const update = ['child', 'update', 'testbed', 'acme', '--resources', 'none', '--yes', '--reason', 'test']
  const text = await runAt(dir, [...update, '--dry-run'])
  expect(text.stdout).toMatch(/^key [0-9A-F]{40} of acme would no longer be used: /m)
  const report = (await runAt(dir, [...update, '--json'])).json<ChildReport>()
  expect(report.unusedKeys).toEqual([{ ca: 'acme', ski: expect.stringMatching(/^[0-9A-F]{40}$/) as unknown }])
  const { orphanKeys } = (await runAt(dir, ['status', '--json'])).json<{ orphanKeys: string[] }>()
  expect(orphanKeys).toEqual(report.unusedKeys.map(({ ski }) => ski))
})

it('file systems of other machines are known by their type', () => {
  expect([0x6969, 0xff534d42, 0xff534d42 | 0, 0xef53, 0x01021994].map(isNetworkType)).toEqual([
    true,
    true,
    true,
    false,
    false,
  ])
})
