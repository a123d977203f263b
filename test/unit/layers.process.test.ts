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

interface Finding {
  readonly rule: string
  readonly path: string
  readonly line: number
}

interface BiomeDiagnostic {
  readonly category: string
  readonly location: { readonly path: string; readonly start?: { readonly line: number } }
}

/** Lints a small tree of one file a layer with `files` planted into it. A run takes a second, however few files there are. */
function lint(files: Readonly<Record<string, string>>): readonly Finding[] {
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
  const { stdout } = spawnSync(BIOME, args, { cwd: tree, encoding: 'utf8', maxBuffer: 64 << 20 })
  const { diagnostics } = JSON.parse(stdout) as { readonly diagnostics: readonly BiomeDiagnostic[] }
  return diagnostics.map(({ category, location }) => ({
    rule: category.split('/').at(-1) ?? '',
    path: location.path,
    line: location.start?.line ?? 0,
  }))
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

interface Planted {
  readonly path: string
  readonly text: string
}

/** A file of `layer` with one import a line. */
function plant(layer: string, name: string, targets: readonly string[]): Planted {
  const path = `${sourcePath(layer)}/${name}`
  const lines = targets.map(
    (target, n) => `export { own as o${n} } from '${specifier(path, `${sourcePath(target)}/own.js`)}'\n`,
  )
  return { path, text: lines.join('') }
}

const filesOf = (planted: readonly Planted[]) => Object.fromEntries(planted.map(({ path, text }) => [path, text]))

/** Imports that each layer may not have: of its own floor, and of every floor above it. */
const FORBIDDEN = FLOORS.flatMap((folders, floor) =>
  folders.map((layer) => ({
    layer,
    targets: FLOORS.slice(floor)
      .flat()
      .filter((target) => target !== layer),
  })),
)

/** Returns the rule and the path of what was found in the files of this name, sorted. */
function inFiles(found: readonly Finding[], name: string): readonly string[] {
  return found
    .filter(({ path }) => path.endsWith(`/${name}`))
    .map(({ rule, path }) => `${rule} ${path}`)
    .sort()
}

beforeAll(() => {
  tree = mkdtempSync(join(tmpdir(), 'brine-layers-'))
  for (const name of ['biome.json', 'tsconfig.json', 'package.json']) cpSync(join(ROOT, name), join(tree, name))
  symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'))
})

afterAll(() => rmSync(tree, { recursive: true, force: true }))

describe('a planted break', () => {
  it('of each layer towards each layer that it may not import is found, in its folder and below it', () => {
    const planted = FORBIDDEN.flatMap(({ layer, targets }) =>
      ['planted.ts', 'sub/planted.ts'].map((name) => ({ layer, targets, ...plant(layer, name, targets) })),
    )
    const found = new Set(lint(filesOf(planted)).map(({ rule, path, line }) => `${rule} ${path}:${line}`))
    const missed = planted.flatMap(({ path, targets }) =>
      targets
        .filter((_, n) => !found.has(`noRestrictedImports ${path}:${n + 1}`))
        .map((target) => `${path} imports ${target}`),
    )
    expect(missed).toEqual([])
    expect(planted.flatMap(({ targets }) => targets).length).toBeGreaterThan(LAYERS.length ** 2 / 2)
  })

  it('is not seen in an import of the floor below', () => {
    const allowed = FLOORS.slice(1, -1).flatMap((folders, below) =>
      folders.map((layer) => plant(layer, 'planted.ts', [FLOORS[below]?.[0] ?? ''])),
    )
    expect(lint(filesOf(allowed))).toEqual([])
  })
})

const CYCLES = {
  values: "import { b } from './values-b.js'\nexport const a = (): unknown => b\n",
  types: "import type { b } from './types-b.js'\nexport type A = typeof b\nexport const a = 1\n",
  lazy: "export const a = async (): Promise<unknown> => await import('./lazy-b.js')\n",
}

describe('a planted break in every layer', () => {
  let found: readonly Finding[] = []

  beforeAll(() => {
    const texts = {
      'disk.ts': "export { readFileSync } from 'node:fs'\n",
      'time.ts': 'export const now = Date.now()\n',
      ...Object.fromEntries(
        Object.entries(CYCLES).flatMap(([name, text]) => [
          [`${name}-a.ts`, text],
          [`${name}-b.ts`, `import { a } from './${name}-a.js'\nexport const b = (): unknown => a\n`],
        ]),
      ),
    }
    const files = LAYERS.flatMap((l) => Object.entries(texts).map(([name, text]) => [`${sourcePath(l)}/${name}`, text]))
    found = lint(Object.fromEntries(files))
  })

  it('is found where it uses the disk, but on floor 5', () => {
    const may = TABLE.floors.filter((f) => f.floor.startsWith('5')).flatMap((f) => Object.keys(f.folders))
    const wanted = LAYERS.filter((l) => !may.includes(l)).map((l) => `noRestrictedImports ${sourcePath(l)}/disk.ts`)
    expect(inFiles(found, 'disk.ts')).toEqual(wanted.sort())
  })

  it('is found where it uses the clock below floor 5', () => {
    const pure = TABLE.floors.filter((f) => Number.parseInt(f.floor, 10) < 5).flatMap((f) => Object.keys(f.folders))
    expect(inFiles(found, 'time.ts')).toEqual(pure.map((l) => `noRestrictedGlobals ${sourcePath(l)}/time.ts`).sort())
  })

  it.each(Object.keys(CYCLES))('is found where imports run in a cycle: %s', (name) => {
    const cycles = inFiles(found, `${name}-a.ts`)
    expect(LAYERS.filter((l) => !cycles.includes(`noImportCycles ${sourcePath(l)}/${name}-a.ts`))).toEqual([])
  })
})
