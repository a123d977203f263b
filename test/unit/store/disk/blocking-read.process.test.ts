/** Handlers of signals around a read that may wait: away during it, the same ones after it, and never away for a file. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest'
import { readBlocking } from '../../../../src/core/store/disk/blocking-read.js'

const dir = mkdtempSync(join(tmpdir(), 'brine-blocking-'))
const handler = (): void => undefined
const held = () => process.listeners('SIGHUP').includes(handler)

afterAll(() => rmSync(dir, { recursive: true }))
beforeEach(() => void process.on('SIGHUP', handler))
afterEach(() => void process.removeListener('SIGHUP', handler))

it('a device: the handlers are away during the read, and back after it and after an error', () => {
  expect(readBlocking('/dev/null', held)).toBe(false)
  expect(held()).toBe(true)
  const fail = (): never => {
    throw new Error('no')
  }
  expect(() => readBlocking('/dev/null', fail)).toThrow('no')
  expect(process.listeners('SIGHUP').filter((one) => one === handler)).toHaveLength(1)
})

it('a file, a folder and what does not exist: the handlers stay', () => {
  const file = join(dir, 'file')
  writeFileSync(file, '')
  expect([file, dir, join(dir, 'none'), join(file, 'below')].map((path) => readBlocking(path, held))).toEqual([
    ...[true, true, true, true],
  ])
})
