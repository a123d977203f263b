/**
 * Builds dist/quick: the same commands as in dist/commands without oclif, whose modules that they import are replaced by the stand-ins in
 * src/core/cli/quick. Each bundle is one file, so that a start reads one script and one code cache.
 */
const { readFileSync } = require('node:fs')
const { join } = require('node:path')
const esbuild = require('esbuild')
const { DAILY_READS } = require('./launch.js')

const STAND_INS = { command: 'command', errors: 'errors', args: 'definitions', flags: 'definitions' }

/** Large packages that few commands load, by name: each is a file of its own. Only named imports of ES modules can be replaced so. */
const PACKAGES = {
  pkijs: 'pkijs',
  asn1js: 'asn1js',
  '@peculiar/webcrypto': 'webcrypto',
  'age-encryption': 'age-encryption',
}

/** Returns the entries of the packages for the build that divides into chunks, so that both programs share them. */
function packageEntries() {
  return Object.entries(PACKAGES).map(([name, file]) => ({ in: name, out: `packages/${file}` }))
}

/** Modules of Node that commands import for rare cases, with their functions that our code calls: they are loaded by the first call. */
const LAZY = {
  'node:child_process': ['spawn', 'spawnSync', 'execFile', 'fork'],
  'node:timers/promises': ['setTimeout'],
}

/** Returns a module whose functions load `name` when they are called. */
function lazyModule(name) {
  const load = `require(${JSON.stringify(name)})`
  return LAZY[name].map((fn) => `export const ${fn} = (...args) => ${load}.${fn}(...args)`).join('\n')
}

/**
 * Returns the source with each module of Node that it imports as a whole taken as it is. esbuild would copy its members, a hundred of
 * node:fs, once for every file that imports it.
 */
function withWholeModules(source) {
  return source.replace(/^import (?:\* as )?(\w+) from ('node:[\w/]+')$/gm, 'const $1 = require($2)')
}

/** Returns the plugin that resolves the modules of oclif to the stand-ins. Any other module of it fails the build. */
function withoutOclif(root) {
  return {
    name: 'without-oclif',
    setup(build) {
      build.onResolve({ filter: /^@oclif\// }, ({ path, importer }) => {
        const name = STAND_INS[path.replace('@oclif/core/', '')]
        if (name === undefined) throw new Error(`${importer} imports ${path}, which has no stand-in for the quick path`)
        return { path: join(root, 'src', 'core', 'cli', 'quick', `${name}.ts`) }
      })
      build.onResolve({ filter: /^node:/ }, ({ path, namespace }) =>
        Object.hasOwn(LAZY, path) && namespace !== 'lazy' ? { path, namespace: 'lazy' } : undefined,
      )
      build.onLoad({ filter: /\.ts$/ }, ({ path }) => ({
        contents: withWholeModules(readFileSync(path, 'utf8')),
        loader: 'ts',
      }))
      build.onLoad({ filter: /.*/, namespace: 'lazy' }, ({ path }) => ({ contents: lazyModule(path) }))
      build.onResolve({ filter: /^[^.]/ }, ({ path }) =>
        Object.hasOwn(PACKAGES, path) ? { path: `../packages/${PACKAGES[path]}.js`, external: true } : undefined,
      )
    },
  }
}

/** Returns the entry of a bundle: its commands by id, and the constants of the program. */
function entry(root, ids, all) {
  const { version, oclif } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const rows = ids.map((id) => `${JSON.stringify(id)}: () => import('./src/commands/${id.replaceAll(':', '/')}.js')`)
  const program = JSON.stringify({ bin: oclif.bin, version, commandIDs: all })
  return `import { accepted, runQuickly } from './src/core/cli/quick/run.js'
    const program = ${program}
    export const commands = { ${rows.join(',\n')} }
    export const accept = (argv) => accepted(commands, program, argv)
    export const run = (root, argv) => runQuickly(commands, { ...program, root }, argv)`
}

/** Builds both bundles into `dist/quick`; `all` are the ids of all commands. */
async function buildQuick({ root, dist, options, all }) {
  const daily = DAILY_READS.map((words) => words.join(':'))
  for (const [name, ids] of Object.entries({ daily, all }))
    await bundleQuick({ root, dist, options }, name, [entry(root, ids, all)])
}

/** Bundles the lines of an entry into one file of `dist/quick`. */
async function bundleQuick({ root, dist, options }, name, lines) {
  await esbuild.build({
    ...options,
    absWorkingDir: root,
    stdin: { contents: lines.join('\n'), resolveDir: root, sourcefile: `${name}.js`, loader: 'js' },
    outfile: join(dist, 'quick', `${name}.js`),
    bundle: true,
    format: 'cjs',
    // the loader serves require()
    supported: { 'dynamic-import': false },
    // a shorter source and a smaller code cache; errors with a stack trace come from the other program (DEBUG)
    minify: true,
    legalComments: 'none',
    sourcemap: false,
    define: { 'import.meta.url': '__importMetaUrl' },
    banner: { js: '"use strict";const __importMetaUrl = require("node:url").pathToFileURL(__filename).href;' },
    plugins: [withoutOclif(root)],
  })
}

/** Returns what shell completion needs of the manifest (see src/core/cli/completion/table.ts). */
function commandTable({ commands }, topics) {
  const command = ({ summary, args, flags }) => ({
    summary,
    args: Object.values(args).map(({ name, multiple, options }) => ({ name, multiple, options })),
    flags: Object.values(flags)
      .filter(({ hidden }) => hidden !== true)
      .map(({ name, description = '', type, multiple, options, helpValue }) => ({
        ...{ name, note: description, isOption: type === 'option', options, helpValue },
        multiple: multiple || undefined,
      })),
  })
  const visible = Object.entries(commands).filter(([, { hidden }]) => hidden !== true)
  return {
    commands: Object.fromEntries(visible.map(([id, definition]) => [id, command(definition)])),
    topics: Object.fromEntries(Object.entries(topics).map(([id, { description }]) => [id, description])),
  }
}

/** Builds `dist/quick/complete.js`, which answers the scripts of `brine completion`, with the table of the commands in `manifest`. */
async function buildCompletion({ root, dist, options, manifest }) {
  const { oclif } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const table = JSON.stringify(JSON.stringify(commandTable(manifest, oclif.topics)))
  await bundleQuick({ root, dist, options }, 'complete', [
    `import { runCompletion } from './src/core/cli/completion/run.js'`,
    // parsed in a third of the time of an object literal
    `const table = JSON.parse(${table})`,
    'export const complete = (root, argv) => runCompletion(table, root, argv)',
  ])
}

module.exports = { buildQuick, buildCompletion, commandTable, packageEntries }
