/** Help that can be acted on: every command has runnable examples, and says its exit codes. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runBrine } from '../../support/processes/cli.js'

interface Manifest {
  readonly commands: Readonly<Record<string, { readonly examples?: readonly string[]; readonly summary?: string }>>
}
const MANIFEST: Manifest = JSON.parse(readFileSync(join(import.meta.dirname, '../../../oclif.manifest.json'), 'utf8'))

test('every command has a summary and an example that begins with itself', () => {
  const lacking = Object.entries(MANIFEST.commands)
    .filter(
      ([id, { summary, examples }]) =>
        !summary || !examples?.some((e) => e.includes(`<%= config.bin %> ${id.replaceAll(':', ' ')}`)),
    )
    .map(([id]) => id)
  expect(Object.keys(MANIFEST.commands).length).toBeGreaterThan(30)
  expect(lacking).toEqual([])
})

test.each([['roa', 'add'], ['tick'], []])('brine %s %s --help ends with the exit codes', async (...words) => {
  const { code, stdout } = await runBrine([...words, '--help'])
  expect(code).toBe(0)
  expect(stdout).toMatch(/EXIT CODES\n +0 {2}done, or nothing to do\n +1 {2}rejected/)
  expect(stdout).toContain('20  stand-by')
})

test('help is not what follows --', async () => {
  const { stdout } = await runBrine(['roa', 'list', '--', '--help'])
  expect(stdout).not.toContain('EXIT CODES')
})
