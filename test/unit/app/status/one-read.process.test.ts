/** `status` reads each aggregate once: its cost per CA is that of one command record and one snapshot. */
import fs from 'node:fs'
import { basename } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { status } from '../../../../src/core/app/status/status.js'
import type { Instant } from '../../../../src/core/base/time.js'
import { onFileOperation } from '../../../../src/core/store/disk/io-error.js'
import { newTestbed, quickSession, scratchFolder } from '../../../support/sites/testbed.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
const { dir, remove } = scratchFolder('one-read')

beforeAll(async () => {
  await newTestbed(dir, NOW)
}, 60_000)
afterAll(remove)

test('opens the files of an aggregate once each', async () => {
  const session = await quickSession(dir, NOW)
  const opened: string[] = []
  onFileOperation((operation, path) => {
    if (operation === 'read' && path.includes('/cas/testbed/') && fs.existsSync(path)) opened.push(basename(path))
  })
  try {
    await status(session)
  } finally {
    onFileOperation(undefined)
  }
  const records = opened.filter((name) => /^(?:command|snapshot|info)/.test(name))
  expect(records).toEqual(expect.arrayContaining(['info.json', expect.stringMatching(/^snapshot/)]))
  expect(records).toEqual([...new Set(records)])
})
