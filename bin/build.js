/**
 * Builds dist and oclif.manifest.json: esbuild bundles one entry per command and the run entry into shared chunks, converts them
 * to CommonJS (see launch.js), and bundles the commands once more without oclif (see quick.js); oclif writes the manifest, and a warm-up
 * fills the code cache for this Node.
 * With `--quick` there is no warm-up: the cache of the last build stays for what did not change, since each cache names its source.
 * The build uses a temporary folder that replaces dist at the end, so that a running command never loads a partial build.
 */
const { spawnSync } = require('node:child_process')
const { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } = require('node:fs')
const { renameSync, rmSync, writeFileSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join, relative, sep } = require('node:path')
const esbuild = require('esbuild')
const { buildCompletion, buildQuick, packageEntries } = require('./quick.js')

const root = join(__dirname, '..')
const stage = join(root, '.build', `${process.pid}`)
const dist = join(stage, 'dist')
const node = { platform: 'node', target: 'node20.19', logLevel: 'warning', sourcemap: true }

function filesBelow(folder, suffix) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith(suffix))
    .map((name) => join(folder, name))
    .sort()
}

const commandFiles = () => filesBelow(join(root, 'src', 'commands'), '.ts')

/** Returns the ids of all commands, words separated by colons. */
function commandIds() {
  const paths = commandFiles().map((path) => relative(join(root, 'src', 'commands'), path))
  return paths.map((path) => path.slice(0, -'.ts'.length).split(sep).join(':')).sort()
}

/** Bundles in two passes: only ES modules can be split into chunks; the second pass converts each chunk to CommonJS. */
async function bundle() {
  const entries = commandFiles().map((file) => ({
    in: file,
    out: relative(join(root, 'src'), file).slice(0, -'.ts'.length),
  }))
  // a separate process for calls that may hang or crash in the library of a token
  const programs = [{ in: 'src/core/backends/token/pkcs11-child.ts', out: 'pkcs11-child' }]
  const split = await esbuild.build({
    ...node,
    absWorkingDir: root,
    entryPoints: [
      { in: 'src/core/cli/run.ts', out: 'run' },
      { in: 'src/core/cli/help.ts', out: 'help' },
      ...programs,
      ...packageEntries(),
      ...entries,
    ],
    outdir: dist,
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    external: ['typescript', 'ts-node'],
    define: { 'import.meta.url': '__importMetaUrl' },
    metafile: true,
  })
  writeFileSync(join(dist, 'package.json'), '{"type":"commonjs"}\n')
  const usesUrl = (file) => readFileSync(file, 'utf8').includes('__importMetaUrl')
  const files = filesBelow(dist, '.js')
  await toCommonJs(
    files.filter((file) => !usesUrl(file)),
    '"use strict";',
  )
  await toCommonJs(
    files.filter(usesUrl),
    '"use strict";const __importMetaUrl = require("node:url").pathToFileURL(__filename).href;',
  )
  return split.metafile
}

async function toCommonJs(files, banner) {
  await esbuild.build({
    ...node,
    entryPoints: files,
    outdir: dist,
    outbase: dist,
    allowOverwrite: true,
    format: 'cjs',
    supported: { 'dynamic-import': false },
    banner: { js: banner },
  })
}

/** Runs `oclif manifest`, which loads every command. Fails the build if a command fails to load or a file is not a command. */
function writeManifest() {
  cpSync(join(root, 'package.json'), join(stage, 'package.json'))
  const oclif = join(root, 'node_modules', 'oclif', 'bin', 'run.js')
  const { status, stderr } = spawnSync(process.execPath, [oclif, 'manifest', stage], { cwd: stage, encoding: 'utf8' })
  const file = join(stage, 'oclif.manifest.json')
  if (status !== 0 || !existsSync(file)) throw new Error(`oclif manifest failed\n${stderr}`)
  const manifest = JSON.parse(readFileSync(file, 'utf8'))
  const written = Object.keys(manifest.commands).sort()
  const expected = commandIds()
  if (written.join() !== expected.join()) {
    const missing = expected.filter((id) => !written.includes(id))
    const surplus = written.filter((id) => !expected.includes(id))
    throw new Error(
      `oclif.manifest.json disagrees with src/commands: missing [${missing}], surplus [${surplus}]\n${stderr}`,
    )
  }
  writeFileSync(file, JSON.stringify(manifest))
  return manifest
}

/** Number of ROAs that exercises the code of a large change: objects are staged while keys are generated. */
const MANY_ROAS = Array.from({ length: 40 }, (_, i) => `A: 10.1.${i}.0/24 => ${64500 + i}\n`).join('')

/** Returns the common commands, and mistakes, which oclif reports; `many` is a file with those ROAs. Reads and changes fill different caches (see launch.js). */
const WARM_UP = [
  'ca add acme --under testbed --resources 10.0.0.0/8',
  'roa add acme 10.0.0.0/24=>64496',
  'roa add acme 10.0.1.0/24=>64497',
  'roa remove acme 10.0.0.0/24=>64496',
  'roa update acme --file many',
  'republish',
  'tick',
  '--version',
  'roa list testbed',
  'roa list testbed --json',
  'roa list nobody',
  'ca list',
  'ca show testbed',
  'child list testbed',
  'history list',
  'status',
  'status --json',
  'pubserver show',
  'keyroll status testbed',
  'roa lst',
  'roa list',
  '__complete zsh roa list ',
  '__complete zsh roa remove testbed ',
]

/** Runs a few commands in a new data directory; each adds the code that V8 compiled for it. A failure only makes commands start slower. */
function warmUp() {
  const data = mkdtempSync(join(tmpdir(), 'brine-build-'))
  writeFileSync(join(data, 'many'), MANY_ROAS)
  const env = { ...process.env, BRINE_DATA_DIR: join(data, 'data') }
  delete env.BRINE_NOW
  const launcher = JSON.stringify(join(root, 'bin', 'launch.js'))
  const run = (line, observe) => {
    const code = `require(${launcher}).launch(${JSON.stringify(stage)}, process.argv.slice(1), ${observe})`
    spawnSync(process.execPath, ['-e', code, '--', ...line.split(' ')], {
      stdio: 'ignore',
      cwd: data,
      env,
      timeout: 60_000,
    })
  }
  run('testbed init')
  for (const line of WARM_UP) run(line, "(loader) => process.on('exit', () => loader.writeCache())")
  rmSync(data, { recursive: true, force: true })
}

/** Replaces dist. If two builds finish at the same time, the later one wins. */
function swap() {
  for (let attempt = 1; ; attempt += 1) {
    try {
      if (existsSync(join(root, 'dist'))) renameSync(join(root, 'dist'), join(stage, `old-${attempt}`))
      renameSync(dist, join(root, 'dist'))
      break
    } catch (error) {
      if (attempt === 5) throw error
    }
  }
  renameSync(join(stage, 'oclif.manifest.json'), join(root, 'oclif.manifest.json'))
}

/** Copies the code cache of the last build. The loader ignores each cache that was made from another source. */
function keepCache() {
  const last = join(root, 'dist', 'cache')
  if (existsSync(last)) cpSync(last, join(dist, 'cache'), { recursive: true })
}

async function build(isQuick) {
  const startedAt = Date.now()
  mkdirSync(dist, { recursive: true })
  try {
    const metafile = await bundle()
    await buildQuick({ root, dist, options: node, all: commandIds() })
    await buildCompletion({ root, dist, options: node, manifest: writeManifest() })
    if (isQuick) keepCache()
    else warmUp()
    writeFileSync(join(dist, 'build.json'), JSON.stringify({ node: process.version, startedAt, isQuick }))
    writeFileSync(join(dist, 'meta.json'), JSON.stringify(metafile))
    swap()
  } finally {
    rmSync(stage, { recursive: true, force: true })
  }
}

build(process.argv.includes('--quick')).catch((error) => {
  process.stderr.write(`build: ${error.message}\n`)
  process.exitCode = 1
})
