/** Runs all benchmarks (`npm run bench`) or some (`npm run bench -- NAME...`). A benchmark is a file `bench/NAME.bench.ts`. */
const { spawnSync } = require('node:child_process')
const { copyFileSync, readdirSync, rmSync } = require('node:fs')
const { dirname, join } = require('node:path')
const esbuild = require('esbuild')

const root = join(__dirname, '..')
const SUFFIX = '.bench.ts'

function names(wanted) {
  const all = readdirSync(join(root, 'bench'), { recursive: true })
    .filter((file) => file.endsWith(SUFFIX))
    .map((file) => file.slice(0, -SUFFIX.length))
    .sort()
  const unknown = wanted.filter((name) => !all.includes(name))
  if (unknown.length > 0) throw new Error(`no benchmark named ${unknown.join(', ')}; there are ${all.join(', ')}`)
  return wanted.length > 0 ? wanted : all
}

/** Bundles one benchmark with the sources it measures, runs it in a separate process and returns its exit code. */
function runOne(name) {
  const outfile = join(root, '.build', `bench-${process.pid}`, `${name}.mjs`)
  esbuild.buildSync({
    entryPoints: [join(root, 'bench', `${name}${SUFFIX}`)],
    outfile,
    bundle: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    logLevel: 'warning',
  })
  // read beside the module that has the fixed keys of the tests
  copyFileSync(join(root, 'test/support/rpki/fixed-keys.json'), join(dirname(outfile), 'fixed-keys.json'))
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env
  return spawnSync(process.execPath, [outfile], { cwd: root, stdio: 'inherit', env }).status ?? 1
}

try {
  for (const name of names(process.argv.slice(2))) {
    process.stdout.write(`\n## ${name}\n\n`)
    if (runOne(name) !== 0) process.exitCode = 1
  }
} catch (error) {
  process.stderr.write(`bench: ${error.message}\n`)
  process.exitCode = 1
} finally {
  rmSync(join(root, '.build', `bench-${process.pid}`), { recursive: true, force: true })
}
