/** man/ and the list of commands are what the commands say now; `npm run man` writes both anew. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Manifest } from '../../../src/core/cli/manual/manifest.js'
import { manualPages } from '../../../src/core/cli/manual/pages.js'
import { commandSurface, missingLines } from '../../../src/core/cli/manual/surface.js'
import { findProgram } from '../../support/peers/validators.js'
import { projectDir, runProgram } from '../../support/processes/brine-shim.js'

const read = (...path: readonly string[]): string => readFileSync(join(projectDir, ...path), 'utf8')
const manifest: Manifest = JSON.parse(read('oclif.manifest.json'))
const { description, oclif, man: listed } = JSON.parse(read('package.json'))
const written = readdirSync(join(projectDir, 'man')).sort()

test('no command, argument or flag that scripts may rely on has gone', () => {
  expect(missingLines(read('test', 'golden', 'commands.txt'), commandSurface(manifest))).toEqual([])
})

test('the list of commands is up to date: npm run man', () => {
  expect(read('test', 'golden', 'commands.txt')).toBe(commandSurface(manifest))
})

test('the manual pages are what the commands say: npm run man', () => {
  const pages = manualPages(manifest, { description, topics: oclif.topics })
  expect(written).toEqual([...pages.keys()].sort())
  for (const [name, text] of pages) expect({ name, text: read('man', name) }).toEqual({ name, text })
})

test('npm installs every page: npm run man', () => {
  expect(listed).toEqual(written.map((name) => `./man/${name}`))
})

test('no topic is described that has no command', () => {
  const words = new Set(Object.keys(manifest.commands).map((id) => id.split(':')[0]))
  expect(Object.keys(oclif.topics).filter((topic) => !words.has(topic))).toEqual([])
})

describe('a manual page', () => {
  test.for(written)('%s renders without a warning', async (name, context) => {
    const man = findProgram('man') ?? context.skip('missing: man')
    const env = { ...process.env, MANWIDTH: '80', LC_ALL: 'C.UTF-8' }
    const { status, stdout, stderr } = await runProgram(man, ['--warnings', '-l', join(projectDir, 'man', name)], {
      env,
    })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    const own = name.endsWith('.5') ? ['KEYS', 'ENROLMENT'] : ['OPTIONS', 'EXIT STATUS']
    for (const title of ['NAME', 'SYNOPSIS', ...own, 'SEE ALSO']) expect(stdout).toContain(title)
  })
})
