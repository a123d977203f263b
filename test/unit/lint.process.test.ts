/**
 * The linter holds the house together, so it is tested like code: each planted break must fail with its rule, a sound tree must pass. Import
 * cycles and the imports of every layer: layers.process.test.ts.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const BIOME = join(ROOT, 'node_modules/.bin/biome')

interface Verdict {
  readonly status: number
  /** How many files were looked at: a linter that sees none finds nothing. */
  readonly files: number
  /** `rule file`, sorted. */
  readonly findings: readonly string[]
}

interface BiomeReport {
  readonly summary: { readonly unchanged: number }
  readonly diagnostics: readonly { readonly category: string; readonly location: { readonly path: string } }[]
}

let tree = ''

/** A small tree in the layout of the project, with a sound file on every floor and the project's own rules. */
const SOUND: Readonly<Record<string, string>> = {
  'src/core/base/ports.ts': 'export interface Clock {\n  now(): string\n}\n',
  'src/core/crypto/digest.ts':
    "import { createHash } from 'node:crypto'\nexport const empty = createHash('sha256').digest()\n",
  'src/core/rpki/x509/oids.ts': "import { OctetString } from 'asn1js'\nexport const none = new OctetString()\n",
  'src/core/ca/roas.ts':
    "import type { Clock } from '../base/ports.js'\nexport const noon = (clock: Clock): string => clock.now()\n",
  'src/core/pubd/delta.ts': 'export const delta = 1\n',
  'src/core/store/disk/commit/aggregate-files.ts':
    "import { readFileSync } from 'node:fs'\nexport const here = (): string => readFileSync(process.argv[1] ?? '', 'utf8')\n",
  'src/core/app/transaction/use.ts':
    "import { noon } from '../../ca/roas.js'\nimport { here } from '../../store/disk/files.js'\nexport const use = [noon, here]\n",
  'src/core/cli/base-command.ts':
    "import { Command } from '@oclif/core'\nexport abstract class BaseCommand extends Command {}\n",
  'src/commands/status.ts':
    "import { use } from '../core/app/transaction/use.js'\nimport { BaseCommand } from '../core/cli/base-command.js'\nexport default class Status extends BaseCommand {\n  async run(): Promise<number> {\n    return await Promise.resolve(use.length)\n  }\n}\n",
}

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(tree, path)), { recursive: true })
    writeFileSync(join(tree, path), text)
  }
}

function lint(): Verdict {
  const args = ['lint', '--error-on-warnings', '--max-diagnostics=none', '--reporter=json']
  const { status, stdout } = spawnSync(BIOME, args, { cwd: tree, encoding: 'utf8' })
  const report = JSON.parse(stdout) as BiomeReport
  const findings = report.diagnostics.map((d) => `${d.category.split('/').at(-1)} ${d.location.path}`)
  return { status: status ?? -1, files: report.summary.unchanged, findings: [...new Set(findings)].sort() }
}

/** What the linter says with `files` planted into the sound tree, which is sound again afterwards. */
function planted(files: Readonly<Record<string, string>>): Verdict {
  write(files)
  try {
    return lint()
  } finally {
    for (const path of Object.keys(files)) rmSync(join(tree, path))
    write(SOUND)
  }
}

beforeAll(() => {
  tree = mkdtempSync(join(tmpdir(), 'brine-lint-'))
  for (const name of ['biome.json', 'tsconfig.json', 'package.json']) cpSync(join(ROOT, name), join(tree, name))
  symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'))
  write(SOUND)
})

afterAll(() => rmSync(tree, { recursive: true, force: true }))

describe('a sound tree', () => {
  it('passes, and every file of it was looked at', () => {
    const verdict = lint()
    expect(verdict.findings).toEqual([])
    expect(verdict.status).toBe(0)
    expect(verdict.files).toBeGreaterThanOrEqual(Object.keys(SOUND).length)
  })
})

const IMPORT = 'noRestrictedImports'
const FAULTS: readonly (readonly [string, string, string, string])[] = [
  ['an adapter below its floor', IMPORT, 'src/core/ca/x.ts', "export { here } from '../store/disk/files.js'\n"],
  ['a sibling on floor 4', IMPORT, 'src/core/ca/x.ts', "export { delta } from '../pubd/delta.js'\n"],
  ['a rule that imports upwards', IMPORT, 'src/core/base/x.ts', "export { empty } from '../crypto/digest.js'\n"],
  [
    'a late import of an upper floor',
    IMPORT,
    'src/core/ca/x.ts',
    "export const late = () => import('../store/disk/files.js')\n",
  ],
  ['the disk outside the adapters', IMPORT, 'src/core/pubd/x.ts', "export { readFileSync } from 'node:fs'\n"],
  ['the disk in a command', IMPORT, 'src/commands/x.ts', "export { readFileSync } from 'node:fs'\n"],
  ['the disk in a use case', IMPORT, 'src/core/app/transaction/x.ts', "export { readFileSync } from 'node:fs'\n"],
  ['a rule in a command', IMPORT, 'src/commands/x.ts', "export { noon } from '../core/ca/roas.js'\n"],
  ['oclif outside cli', IMPORT, 'src/core/app/transaction/x.ts', "export { ux } from '@oclif/core'\n"],
  ['chalk outside cli', IMPORT, 'src/core/store/disk/x.ts', "export { Chalk } from 'chalk'\n"],
  ['asn1js outside rpki', IMPORT, 'src/core/app/transaction/x.ts', "export { Integer } from 'asn1js'\n"],
  ['webcrypto outside crypto', IMPORT, 'src/core/ca/x.ts', "export { Crypto } from '@peculiar/webcrypto'\n"],
  ['p-limit outside crypto', IMPORT, 'src/core/ca/x.ts', "export { default as limit } from 'p-limit'\n"],
  ['fastest-levenshtein outside base', IMPORT, 'src/core/cli/x.ts', "export { distance } from 'fastest-levenshtein'\n"],
  ['the lock library outside the adapters', IMPORT, 'src/core/cli/x.ts', "export { lock } from 'proper-lockfile'\n"],
  ['chance from node:crypto', IMPORT, 'src/core/ca/x.ts', "export { randomBytes } from 'node:crypto'\n"],
  ['new Date()', 'noRestrictedGlobals', 'src/core/ca/x.ts', 'export const now = new Date()\n'],
  ['Date.now()', 'noRestrictedGlobals', 'src/core/base/x.ts', 'export const now = Date.now()\n'],
  ['process.env', 'noRestrictedGlobals', 'src/core/rpki/x.ts', 'export const home = process.env.HOME\n'],
  ['Math.random()', 'noJsRestrictedProperties', 'src/core/pubd/x.ts', 'export const dice = Math.random()\n'],
  ['console', 'noConsole', 'src/core/app/transaction/x.ts', "export const say = () => console.log('x')\n"],
  ['any', 'noExplicitAny', 'src/core/app/transaction/x.ts', 'export const all = (x: any): unknown => x\n'],
  [
    'a floating promise',
    'noFloatingPromises',
    'src/core/app/transaction/x.ts',
    'async function later(): Promise<void> {}\nexport function now(): void {\n  later()\n}\n',
  ],
  [
    'a promise as a condition',
    'noMisusedPromises',
    'src/core/app/transaction/x.ts',
    'async function yes(): Promise<boolean> {\n  return await Promise.resolve(true)\n}\nexport function ask(): number {\n  return yes() ? 1 : 2\n}\n',
  ],
  [
    'a switch that misses a case',
    'useExhaustiveSwitchCases',
    'src/core/app/transaction/x.ts',
    "export function f(x: 'a' | 'b'): void {\n  switch (x) {\n    case 'a':\n      f('b')\n      break\n  }\n}\n",
  ],
  [
    'a function of 60 lines',
    'noExcessiveLinesPerFunction',
    'src/core/app/transaction/x.ts',
    `export function f(): number {\n  let n = 0\n${'  n += 1\n'.repeat(58)}  return n\n}\n`,
  ],
  [
    'a file of 500 lines',
    'noExcessiveLinesPerFile',
    'src/core/app/transaction/x.ts',
    Array.from({ length: 500 }, (_, n) => `export const x${n} = ${n}\n`).join(''),
  ],
  ['a default export in core', 'noDefaultExport', 'src/core/app/transaction/x.ts', 'export default 1\n'],
  [
    'an import without .js',
    'useImportExtensions',
    'src/core/app/transaction/x.ts',
    "export { noon } from '../../ca/roas'\n",
  ],
]

describe('a planted break fails the check', () => {
  let all: Verdict
  const place = (path: string, index: number): string => path.replace('x.ts', `x${index}.ts`)

  beforeAll(() => {
    all = planted(Object.fromEntries(FAULTS.map(([, , path, text], index) => [place(path, index), text])))
  })

  it.each(FAULTS.map((fault, index) => [...fault, index] as const))('%s (%s)', (_title, rule, path, _text, index) => {
    expect(all.status).not.toBe(0)
    expect(all.findings).toContain(`${rule} ${place(path, index)}`)
  })

  const ALONE = ['a sibling on floor 4', 'a floating promise']
  it.each(FAULTS.filter(([title]) => ALONE.includes(title)))('%s (%s), planted alone', (_title, rule, path, text) => {
    const verdict = planted({ [path]: text })
    expect(verdict.status).not.toBe(0)
    expect(verdict.findings).toContain(`${rule} ${path}`)
  })
})

describe('the linter itself', () => {
  it('does not pass on a tree in which it sees no file', () => {
    rmSync(join(tree, 'src'), { recursive: true })
    const bare = mkdtempSync(join(tmpdir(), 'brine-lint-'))
    cpSync(join(ROOT, 'biome.json'), join(bare, 'biome.json'))
    const { status } = spawnSync(BIOME, ['lint', 'src'], { cwd: bare, encoding: 'utf8' })
    rmSync(bare, { recursive: true })
    write(SOUND)
    expect(status).not.toBe(0)
  })
})
