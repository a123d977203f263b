/**
 * Writes man/, its list in package.json, and test/golden/commands.txt from the built commands: `npm run man`. Refuses to remove a
 * command, argument or flag listed in test/golden/commands.txt, since scripts rely on it, unless called with `--allow-removal`.
 */
const { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs')
const { join } = require('node:path')
const esbuild = require('esbuild')
const { prepare } = require('./setup.js')

const root = join(__dirname, '..')
const readJson = (name) => JSON.parse(readFileSync(join(root, name), 'utf8'))

/** Bundles and loads the functions of src/core/cli/manual. */
function loadWriters() {
  const outfile = join(root, '.build', `man-${process.pid}.cjs`)
  const contents = `export * from './src/core/cli/manual/pages.js'; export * from './src/core/cli/manual/surface.js'`
  try {
    esbuild.buildSync({
      stdin: { contents, resolveDir: root, loader: 'ts' },
      outfile,
      bundle: true,
      format: 'cjs',
      platform: 'node',
      logLevel: 'warning',
    })
    return require(outfile)
  } finally {
    rmSync(outfile, { force: true })
  }
}

function writeSurface(text, missingLines) {
  const file = join(root, 'test', 'golden', 'commands.txt')
  const missing = missingLines(readFileSync(file, { encoding: 'utf8', flag: 'a+' }), text)
  if (missing.length > 0 && !process.argv.includes('--allow-removal'))
    throw new Error(`scripts may rely on what is gone (--allow-removal):\n${missing.join('\n')}`)
  writeFileSync(file, text)
}

function writePages(pages) {
  const folder = join(root, 'man')
  mkdirSync(folder, { recursive: true })
  for (const name of readdirSync(folder)) if (!pages.has(name)) rmSync(join(folder, name))
  for (const [name, text] of pages) writeFileSync(join(folder, name), text)
  process.stdout.write(`man/: ${pages.size} pages\n`)
}

/** Lists the pages in package.json: npm installs listed pages only, not a folder. */
function listPages(pages) {
  const file = join(root, 'package.json')
  const before = readFileSync(file, 'utf8')
  const list = [...pages.keys()].sort().map((name) => `    "./man/${name}"`)
  const after = before.replace(/"man": \[[^\]]*\]/, `"man": [\n${list.join(',\n')}\n  ]`)
  if (after !== before) writeFileSync(file, after)
}

try {
  prepare(root)
  const { manualPages, commandSurface, missingLines } = loadWriters()
  const manifest = readJson('oclif.manifest.json')
  const { description, oclif } = readJson('package.json')
  writeSurface(commandSurface(manifest), missingLines)
  const pages = manualPages(manifest, { description, topics: oclif.topics })
  writePages(pages)
  listPages(pages)
} catch (error) {
  process.stderr.write(`man: ${error.message}\n`)
  process.exitCode = 1
}
