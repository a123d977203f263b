/** What a repository confirmed last: known for one content only, and never a reason to fail. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { parseHandle } from '../../../src/core/base/handle.js'
import type { Instant } from '../../../src/core/base/time.js'
import { readConfirmed, recordConfirmed } from '../../../src/core/peers/confirmed-content.js'
import { scratchFolder } from '../../support/sites/testbed.js'

const scratch = scratchFolder('confirmed')
const ca = parseHandle('Acme/one')
const [a, b, c] = ['a', 'b', 'c'].map((one) => one.repeat(64)) as [string, string, string]
const staleAt = '2026-11-21T12:00:00Z' as Instant
afterAll(() => scratch.remove())
beforeEach(() => {
  rmSync(`${scratch.dir}/status`, { recursive: true, force: true })
  mkdirSync(`${scratch.dir}/status`)
})

test('the objects of the content that was confirmed, and nothing of another one', () => {
  recordConfirmed(scratch.dir, ca, { content: 'first', staleAt, hashes: [b, a] })
  const found = readConfirmed(scratch.dir, ca, 'first')
  expect(found).toMatchObject({ content: 'first', staleAt, objects: { size: 2 } })
  expect([a, b, c].map((one) => found?.objects.has(one))).toEqual([true, true, false])
  expect(readConfirmed(scratch.dir, ca, 'second')).toBeUndefined()
  expect(readConfirmed(scratch.dir, ca, undefined)).toBeUndefined()
  expect(readConfirmed(scratch.dir, parseHandle('other'), 'first')).toBeUndefined()
})

test('a content without objects is known too', () => {
  recordConfirmed(scratch.dir, ca, { content: 'empty', staleAt: null, hashes: [] })
  expect(readConfirmed(scratch.dir, ca, 'empty')).toMatchObject({ staleAt: null, objects: { size: 0 } })
})

test('a damaged file is as none, and a folder in its place is a warning', () => {
  recordConfirmed(scratch.dir, ca, { content: 'first', staleAt, hashes: [a] })
  writeFileSync(`${scratch.dir}/status/confirmed/_acme_-one.json`, 'no JSON')
  expect(readConfirmed(scratch.dir, ca, 'first')).toBeUndefined()
  rmSync(`${scratch.dir}/status/confirmed/_acme_-one.json`)
  mkdirSync(`${scratch.dir}/status/confirmed/_acme_-one.json/x`, { recursive: true })
  const warnings: string[] = []
  recordConfirmed(scratch.dir, ca, { content: 'first', staleAt, hashes: [a] }, (text) => warnings.push(text))
  expect(warnings).toEqual([expect.stringMatching(/^cannot write what the repository of Acme\/one has: /)])
  expect(readConfirmed(scratch.dir, ca, 'first')).toBeUndefined()
})
