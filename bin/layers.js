/**
 * Generates the lint rules in biome.json and the drawing in ARCHITECTURE.md from the table of floors in `layers.json`.
 * `node bin/layers.js` writes both; `--check` only compares them and exits 1 if one is stale.
 */
const { readFileSync, writeFileSync } = require('node:fs')
const { join } = require('node:path')
const { spawnSync } = require('node:child_process')

const DISK = [
  'node:fs',
  'node:fs/*',
  'fs-extra',
  'proper-lockfile',
  'node:net',
  'node:tls',
  'node:http',
  'node:https',
  'node:http2',
  'node:dgram',
  'node:dns',
  'node:child_process',
  'node:worker_threads',
  'node:cluster',
]
/** Node's modules that a pure layer may import. */
const PURE_NODE = ['crypto', 'path', 'util', 'buffer']
const RANDOM = [
  'randomBytes',
  'randomUUID',
  'randomInt',
  'randomFill',
  'randomFillSync',
  'getRandomValues',
  'webcrypto',
  'subtle',
]
const GLOBALS = {
  Date: 'the time comes in through the Clock port',
  performance: 'the time comes in through the Clock port',
  process: 'the environment comes in from the adapters',
  console: 'a rule returns values, the cli prints',
  globalThis: 'name the global, so that its ban holds',
  global: 'name the global, so that its ban holds',
  setTimeout: 'a pure layer does not wait',
  setInterval: 'a pure layer does not wait',
  setImmediate: 'a pure layer does not wait',
  fetch: 'the network belongs to the adapters',
}

/** Returns every layer of the table, lowest floor first: `{ floor, level, folder, holds }`; `level` is the number of its floor. */
function layersOf(table) {
  return table.floors.flatMap(({ floor, folders }) =>
    Object.entries(folders).map(([folder, holds]) => ({ floor, level: Number.parseInt(floor, 10), folder, holds })),
  )
}

/** Returns the path of a layer below `src`. */
function pathOf(folder) {
  return folder === 'commands' ? folder : `core/${folder}`
}

/** Returns the glob of import specifiers that name `target` in a file of `layer`, `extra` folders below the layer's own. */
function specifiers(layer, target, extra) {
  const from = `${pathOf(layer.folder)}${'/x'.repeat(extra)}`.split('/')
  const to = pathOf(target.folder).split('/')
  let shared = 0
  while (shared < from.length && shared < to.length && from[shared] === to[shared]) shared += 1
  return `${'../'.repeat(from.length - shared)}${to.slice(shared).join('/')}/**`
}

function bannedLayers(layer, layers) {
  if (layer.folder === 'commands') return layers.filter((l) => l.folder !== 'base' && l.level < 6)
  const at = layers.findIndex((l) => l.floor === layer.floor)
  return layers.filter((l, index) => index >= at && l !== layer)
}

function bannedPackages(layer, table) {
  const groups = table.packages
    .filter((p) => !p.only.includes(layer.folder))
    .map(({ group, message }) => ({ group, message }))
  if (layer.level < 5) {
    const group = ['node:*', ...PURE_NODE.map((name) => `!node:${name}`), 'fs-extra', 'proper-lockfile']
    groups.push({
      group,
      message: 'disk, sockets, processes, time and environment come in as ports; their adapters are on floor 5',
    })
  }
  if (layer.level > 5) groups.push({ group: DISK, message: 'only floor 5 uses the disk, sockets and processes' })
  return groups
}

function importRule(layer, table, layers, extra) {
  const banned = bannedLayers(layer, layers).map((target) => specifiers(layer, target, extra))
  const message =
    layer.folder === 'commands'
      ? 'a command parses flags, runs one use case of app and returns its report'
      : `${layer.folder} is on floor ${layer.floor}: imports only go down, never to a sibling (bin/layers.json)`
  const patterns = [...(banned.length === 0 ? [] : [{ group: banned, message }]), ...bannedPackages(layer, table)]
  const random = { 'node:crypto': { importNames: RANDOM, message: 'chance comes in through the Random port' } }
  const paths = layer.level < 5 && layer.folder !== 'crypto' ? { paths: random } : {}
  return { level: 'error', options: { ...paths, patterns } }
}

/** Returns the lint rules of a layer: one for its own files, one for those of its sub-folders, since the specifiers differ. */
function overridesOf(layer, table, layers) {
  const base = `src/${pathOf(layer.folder)}`
  const depths =
    layer.folder === 'commands'
      ? [`${base}/*.ts`, `${base}/*/*.ts`, `${base}/*/*/*.ts`]
      : [`${base}/*.ts`, `${base}/*/*.ts`]
  return depths.map((includes, extra) => ({
    includes: [includes],
    linter: { rules: { style: { noRestrictedImports: importRule(layer, table, layers, extra) } } },
  }))
}

/** Returns biome's overrides for everything below `src`. */
function lintRules(table) {
  const layers = layersOf(table)
  const pure = layers.filter((l) => l.level < 5).map((l) => `src/${pathOf(l.folder)}/**`)
  const globals = { level: 'error', options: { deniedGlobals: GLOBALS } }
  const commands = { noDefaultExport: 'off', noExcessiveLinesPerFile: { level: 'error', options: { maxLines: 130 } } }
  return [
    { includes: pure, linter: { rules: { style: { noRestrictedGlobals: globals } } } },
    ...layers.flatMap((layer) => overridesOf(layer, table, layers)),
    { includes: ['src/commands/**'], linter: { rules: { style: commands } } },
  ]
}

/** Returns the drawing for ARCHITECTURE.md, the highest floor first. */
function drawing(table) {
  const rows = layersOf(table).map((l) => [l.floor, `src/${pathOf(l.folder)}`, l.holds])
  const width = Math.max(...rows.map((row) => row[1].length))
  return rows
    .reverse()
    .map(([floor, folder, holds]) => `${floor.padEnd(3)} ${folder.padEnd(width)}  ${holds}`)
    .join('\n')
}

const BEGIN = '<!-- generated by bin/layers.js -->\n```\n'
const END = '\n```\n<!-- end of the generated part -->'

function withDrawing(text, table) {
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)]
  if (from < 0 || to < from) throw new Error('ARCHITECTURE.md has no place for the drawing')
  return text.slice(0, from + BEGIN.length) + drawing(table) + text.slice(to)
}

function withRules(text, table) {
  const config = JSON.parse(text)
  const others = config.overrides.filter((o) => !o.includes.some((glob) => glob.startsWith('src/')))
  return JSON.stringify({ ...config, overrides: [...lintRules(table), ...others] }, null, 2)
}

function formatted(root, text) {
  const biome = join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome')
  const args = [biome, 'format', '--stdin-file-path=biome.json']
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, input: text, encoding: 'utf8' })
  if (status !== 0) throw new Error(`biome cannot format biome.json: ${stderr}`)
  return stdout
}

/** Returns the generated files with the text that each should have. */
function generated(root) {
  const table = JSON.parse(readFileSync(join(root, 'bin', 'layers.json'), 'utf8'))
  const read = (name) => readFileSync(join(root, name), 'utf8')
  return {
    'biome.json': formatted(root, withRules(read('biome.json'), table)),
    'ARCHITECTURE.md': withDrawing(read('ARCHITECTURE.md'), table),
  }
}

if (require.main === module) {
  const root = join(__dirname, '..')
  const stale = Object.entries(generated(root)).filter(
    ([name, text]) => readFileSync(join(root, name), 'utf8') !== text,
  )
  if (process.argv.includes('--check')) {
    for (const [name] of stale) console.error(`${name} is not what bin/layers.json says; run: npm run layers`)
    process.exitCode = stale.length === 0 ? 0 : 1
  } else for (const [name, text] of stale) writeFileSync(join(root, name), text)
}

module.exports = { layersOf, pathOf }
