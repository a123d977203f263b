/** The README holds: its commands run from top to bottom, its tables are those of the program, its files and links exist. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { ENVIRONMENT, EXIT_STATUS } from '../../../src/core/cli/manual/facts.js'
import type { Manifest, ManifestCommand } from '../../../src/core/cli/manual/manifest.js'
import { formatValue, KEYS } from '../../../src/core/config/schema.js'
import { projectDir, runProgram, shimmedEnv, writeShim } from '../../support/processes/brine-shim.js'
import { needProgram } from '../../support/processes/missing.js'
import { type WorkerShim, writeWorkerShim } from '../../support/processes/worker-shim.js'
import { sectionOf, shellBlocks, tableRows } from './shell-blocks.js'

vi.setConfig({ testTimeout: 180_000 })

const readme = readFileSync(join(projectDir, 'README.md'), 'utf8')
const blocks = shellBlocks(readme)
const manifest: Manifest = JSON.parse(readFileSync(join(projectDir, 'oclif.manifest.json'), 'utf8'))
const { version, scripts } = JSON.parse(readFileSync(join(projectDir, 'package.json'), 'utf8'))

let folder = ''
let shim: WorkerShim | undefined

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'brine-readme-'))
  chmodSync(folder, 0o755)
  writeShim(folder)
})

afterAll(() => {
  shim?.stop()
  rmSync(folder, { recursive: true, force: true })
})

describe('every command that can run anywhere runs, in order', () => {
  const all = blocks.filter((block) => block.kind === 'run')
  /** Runs as users do; the others hand their commands to workers. */
  const [first] = all
  test.for(all.map((block) => [block.line, block] as const))('line %i', async ([, block], context) => {
    for (const program of block.note.split(' ').filter((name) => name !== '')) needProgram(context, program)
    // a nested level: at the first one, bash takes a socket as standard input for a remote shell and reads bashrc
    if (block !== first && shim === undefined) shim = await writeWorkerShim(folder)
    const env = shimmedEnv(folder, { BRINE_DATA_DIR: join(folder, 'data'), SHLVL: '1' })
    const ran = await runProgram('bash', ['-euo', 'pipefail', '-c', block.script], { cwd: folder, env })
    expect({ script: block.script, ...ran }).toMatchObject({ status: 0, stderr: '' })
  })
})

/** The command that words begin with: `brine roa add acme` is `roa add`. */
function commandOf(words: readonly string[]): ManifestCommand | undefined {
  for (let n = Math.min(3, words.length); n > 0; n -= 1) {
    const found = manifest.commands[words.slice(0, n).join(':')]
    if (found !== undefined) return found
  }
  return undefined
}

describe('every command that is named exists', () => {
  const shown = blocks.flatMap((block) => block.script.split('\n'))
  const inline = [...readme.matchAll(/`([^`\n]+)`/g)].map((match) => match[1] ?? '')
  const lines = [...shown, ...inline].flatMap(
    (line) => /^(?:\*\/5 \* \* \* \* )?brine (?!--version)(.*)$/.exec(line)?.[1] ?? [],
  )

  test.for([...new Set(lines)].map((line) => [line] as const))('brine %s', ([line]) => {
    const words = line.replace(/^--data-dir \S+ /, '').split(/\s+/)
    const command = commandOf(words)
    expect(command).toBeDefined()
    const flags = words.filter((word) => /^--[a-z]/.test(word)).map((word) => word.slice(2))
    expect(flags.filter((flag) => command?.flags?.[flag] === undefined && flag !== 'help')).toEqual([])
  })

  test('npm scripts too', () => {
    const named = [...readme.matchAll(/npm run (\w+)/g)].map((match) => match[1] ?? '')
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([])
    expect(readme).toContain(`brine-${version}.tgz`)
  })
})

describe('what is not there yet', () => {
  const [, ...items] = sectionOf(readme, '## Not yet').split(/^- /m)
  const named = items.map((item) => [...item.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ''))

  /** Returns true for a command, a topic, and `COMMAND --FLAG`. */
  function isThere(name: string): boolean {
    const [words = '', flag] = name.split(' --')
    const id = words.replaceAll(' ', ':')
    if (flag !== undefined) return manifest.commands[id]?.flags?.[flag] !== undefined
    return Object.keys(manifest.commands).some((command) => command === id || command.startsWith(`${id}:`))
  }

  test('is named in every item, and really missing', () => {
    expect(items.length).toBeGreaterThan(0)
    expect(items.filter((_, index) => named[index]?.length === 0)).toEqual([])
    expect(named.flat().filter(isThere)).toEqual([])
  })

  test('is told from what is there', () => {
    const there = ['plan', 'roa', 'roa add', 'apply --prune']
    expect(there.filter(isThere)).toEqual(there)
    expect(['roa ad', 'ro', 'apply --prun'].filter(isThere)).toEqual([])
  })
})

describe('tables', () => {
  test('configuration keys with their defaults', () => {
    const wanted = [...KEYS].map(([name, key]) => [
      `\`${name}\``,
      key.default === null ? 'unset' : `\`${formatValue(key.default)}\``,
      key.about,
    ])
    expect(tableRows(sectionOf(readme, '### Configuration'))).toEqual(wanted)
  })

  test('exit codes', () => {
    const wanted = EXIT_STATUS.map(([code, meaning]) => [`${code}`, meaning])
    expect(tableRows(sectionOf(readme, '### Exit codes'))).toEqual(wanted)
  })

  test('environment', () => {
    const wanted = ENVIRONMENT.map(([name, meaning]) => [`\`${name}\``, meaning])
    expect(tableRows(sectionOf(readme, '### Environment'))).toEqual(wanted)
  })
})

describe.each(['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md'])('%s', (name) => {
  const text = readFileSync(join(projectDir, name), 'utf8')

  test('names files that exist', () => {
    const paths = [...text.matchAll(/(?<![\w/])(?:src|test|bin|man|contrib|bench|\.ci)\/[\w./-]*\w/g)].map(
      (match) => match[0],
    )
    expect([...new Set(paths)].filter((path) => !existsSync(join(projectDir, path)))).toEqual([])
  })

  test('links to headings that exist', () => {
    const anchors = [...text.matchAll(/^#+ (.*)$/gm)].map((match) =>
      (match[1] ?? '')
        .toLowerCase()
        .replaceAll(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    )
    const links = [...text.matchAll(/\]\(#([^)]+)\)/g)].map((match) => match[1] ?? '')
    expect(links.filter((link) => !anchors.includes(link))).toEqual([])
  })

  test('keeps its lines within 140 characters, tables aside', () => {
    expect(text.split('\n').filter((line) => line.length > 140 && !line.startsWith('|'))).toEqual([])
  })
})
