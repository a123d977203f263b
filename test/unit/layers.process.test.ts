/** The table of layers (bin/layers.json): complete, what the generated files say, and enforced in every folder by the linter. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const BIOME = join(ROOT, 'node_modules/.bin/biome')

interface Table {
  readonly floors: readonly { readonly floor: string; readonly folders: Readonly<Record<string, string>> }[]
}

const TABLE = JSON.parse(readFileSync(join(ROOT, 'bin/layers.json'), 'utf8')) as Table
const FLOORS = TABLE.floors.map((f) => Object.keys(f.folders))
const LAYERS = FLOORS.flat()
/** Folders whose sub-folders are layers of their own. */
const DIVIDED = ['app', 'store']

function foldersIn(path: string): readonly string[] {
  return readdirSync(join(ROOT, 'src/core', path), { withFileTypes: true })
    .filter((e) => e.isDirectory())
    .map((e) => e.name)
}

describe('the table of layers', () => {
  it('has every folder of src/core on one floor, and no folder that does not exist', () => {
    const folders = foldersIn('').flatMap((f) => (DIVIDED.includes(f) ? foldersIn(f).map((g) => `${f}/${g}`) : [f]))
    expect([...LAYERS].sort()).toEqual([...folders, 'commands'].sort())
  })

  it('leaves no file of src/core outside of a layer', () => {
    const loose = ['', ...DIVIDED].flatMap((f) =>
      readdirSync(join(ROOT, 'src/core', f))
        .filter((name) => name.endsWith('.ts'))
        .map((name) => join(f, name)),
    )
    expect(loose).toEqual([])
  })

  it('knows no folder deeper than the generated rules reach', () => {
    const deep = LAYERS.filter((l) => l !== 'commands').flatMap((layer) =>
      foldersIn(layer).flatMap((f) => foldersIn(join(layer, f)).map((g) => join(layer, f, g))),
    )
    expect(deep).toEqual([])
  })

  it('is what biome.json and ARCHITECTURE.md were generated from (npm run layers)', () => {
    const run = spawnSync(process.execPath, [join(ROOT, 'bin/layers.js'), '--check'], { encoding: 'utf8' })
    expect(run.stderr).toBe('')
    expect(run.status).toBe(0)
  })
})

let tree = ''

function sourcePath(layer: string): string {
  return layer === 'commands' ? 'src/commands' : `src/core/${layer}`
}

/** Lints a small tree of one file a layer with `files` planted into it. Returns `rule file`, sorted. */
function findings(files: Readonly<Record<string, string>>): readonly string[] {
  rmSync(join(tree, 'src'), { recursive: true, force: true })
  const all = {
    ...Object.fromEntries(LAYERS.map((l) => [`${sourcePath(l)}/own.ts`, 'export const own = 1\n'])),
    ...files,
  }
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(tree, path)), { recursive: true })
    writeFileSync(join(tree, path), text)
  }
  const args = ['lint', '--error-on-warnings', '--max-diagnostics=none', '--reporter=json']
  const { stdout } = spawnSync(BIOME, args, { cwd: tree, encoding: 'utf8' })
  const report = JSON.parse(stdout) as {
    readonly diagnostics: readonly { readonly category: string; readonly location: { readonly path: string } }[]
  }
  return report.diagnostics.map((d) => `${d.category.split('/').at(-1)} ${d.location.path}`).sort()
}

/** How a file `from` names the file `to`. */
function specifier(from: string, to: string): string {
  const parts = dirname(from).split('/')
  const target = to.split('/')
  let shared = 0
  while (parts[shared] === target[shared]) shared += 1
  const up = '../'.repeat(parts.length - shared)
  return `${up === '' ? './' : up}${target.slice(shared).join('/')}`
}

function plant(layer: string, folder: string, target: string): readonly [string, string] {
  const path = `${sourcePath(layer)}/${folder}planted.ts`
  return [path, `export { own } from '${specifier(path, `${sourcePath(target)}/own.js`)}'\n`]
}

/** Imports that no layer may have: of its own floor, and of every floor above it. */
const FORBIDDEN = FLOORS.flatMap((folders, floor) =>
  folders.flatMap((layer) =>
    FLOORS.slice(floor)
      .flat()
      .filter((target) => target !== layer)
      .map((target) => [layer, target] as const),
  ),
)

beforeAll(() => {
  tree = mkdtempSync(join(tmpdir(), 'brine-layers-'))
  for (const name of ['biome.json', 'tsconfig.json', 'package.json']) cpSync(join(ROOT, name), join(tree, name))
  symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'))
})

afterAll(() => rmSync(tree, { recursive: true, force: true }))

describe('a planted break', () => {
  it.each(['', 'sub/'])('of each layer towards each layer that it may not import is found (folder "%s")', (sub) => {
    const planted = FORBIDDEN.map(([layer, target], n) =>
      plant(layer, sub, target).map((t) => t.replace('planted', `p${n}`)),
    )
    const found = findings(Object.fromEntries(planted))
    const missed = planted.filter(([path]) => !found.includes(`noRestrictedImports ${path}`))
    expect(missed.map(([path], n) => [path, FORBIDDEN[n]])).toEqual([])
  })

  it('is not seen in an import of the floor below', () => {
    const allowed = FLOORS.slice(1, -1).flatMap((folders, below) =>
      folders.map((layer) => plant(layer, '', FLOORS[below]?.[0] ?? '')),
    )
    expect(findings(Object.fromEntries(allowed))).toEqual([])
  })

  it('of the disk is found in every layer but those of floor 5', () => {
    const text = "export { readFileSync } from 'node:fs'\n"
    const found = findings(Object.fromEntries(LAYERS.map((l) => [`${sourcePath(l)}/disk.ts`, text])))
    const may = TABLE.floors.filter((f) => f.floor.startsWith('5')).flatMap((f) => Object.keys(f.folders))
    const wanted = LAYERS.filter((l) => !may.includes(l)).map((l) => `noRestrictedImports ${sourcePath(l)}/disk.ts`)
    expect(found).toEqual(wanted.sort())
  })

  it('of the clock is found in every layer below floor 5', () => {
    const found = findings(
      Object.fromEntries(LAYERS.map((l) => [`${sourcePath(l)}/time.ts`, 'export const now = Date.now()\n'])),
    )
    const pure = TABLE.floors.filter((f) => Number.parseInt(f.floor, 10) < 5).flatMap((f) => Object.keys(f.folders))
    expect(found).toEqual(pure.map((l) => `noRestrictedGlobals ${sourcePath(l)}/time.ts`).sort())
  })
})

describe('a cycle', () => {
  it.each([
    ['of values', "import { b } from './b.js'\nexport const a = (): unknown => b\n"],
    ['of types alone', "import type { b } from './b.js'\nexport type A = typeof b\nexport const a = 1\n"],
    ['through a lazy import', "export const a = async (): Promise<unknown> => await import('./b.js')\n"],
  ])('%s is found in every layer', (_title, text) => {
    const back = "import { a } from './a.js'\nexport const b = (): unknown => a\n"
    const found = findings(
      Object.fromEntries(
        LAYERS.flatMap((l) => [
          [`${sourcePath(l)}/a.ts`, text],
          [`${sourcePath(l)}/b.ts`, back],
        ]),
      ),
    )
    const missed = LAYERS.filter((l) => !found.includes(`noImportCycles ${sourcePath(l)}/a.ts`))
    expect(missed).toEqual([])
  })
})
