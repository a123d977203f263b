/** The proof that `brine why --bundle` writes, verified as its own README says. */
import { execFileSync } from 'node:child_process'
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'

/** Runs the commands of the README in a copy of the bundle, which `change` may alter first. Returns their output, throws if one fails. */
export function verifyProof(bundle: string, change: (folder: string) => void = () => undefined): string {
  const folder = `${bundle}-run`
  cpSync(bundle, folder, { recursive: true })
  const lines = readFileSync(join(folder, 'README.txt'), 'utf8').split('\n')
  const commands = lines.flatMap((line) => (line.startsWith('$ ') ? [line.slice(2)] : []))
  expect(commands.length).toBeGreaterThan(8)
  change(folder)
  try {
    return execFileSync('sh', ['-ec', commands.join('\n')], { cwd: folder, encoding: 'utf8', stdio: 'pipe' })
  } finally {
    execFileSync('rm', ['-r', folder])
  }
}
