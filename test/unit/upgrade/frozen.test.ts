/** The frozen directories are what they were on the day they were made. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { sha256Hex } from '../../../src/core/crypto/digest.js'
import { FORMAT } from '../../../src/core/store/directory/data-dir.js'
import { stepsFrom } from '../../../src/core/upgrade/steps.js'
import { frozenDir } from '../../support/store/frozen-store.js'

const formats = readdirSync(frozenDir).flatMap((name) => /^format-(\d+)$/.exec(name)?.[1] ?? [])

it('there is one of each format before the present one, and a way from it', () => {
  expect(formats.map(Number).sort()).toEqual(Array.from({ length: FORMAT }, (_, n) => n))
  for (const format of formats) {
    const steps = stepsFrom(Number(format))
    expect(steps.map((s) => s.from)).toEqual(
      Array.from({ length: FORMAT - Number(format) }, (_, n) => Number(format) + n),
    )
    expect(steps.every((s) => s.to === s.from + 1)).toBe(true)
  }
  expect(stepsFrom(FORMAT)).toEqual([])
})

it.each(formats)('format %s was never edited', (format) => {
  const dir = join(frozenDir, `format-${format}`)
  const found = readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => `${sha256Hex(readFileSync(path))}  ${path.slice(dir.length + 1)}`)
  const listed = readFileSync(`${dir}.sha256`, 'utf8').trimEnd().split('\n')
  expect(found.sort()).toEqual([...listed].sort())
})
