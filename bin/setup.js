/**
 * Prepares a checkout with only Node and npm: installs packages if node_modules is missing or differs from the lock file,
 * builds if dist is missing or older than the sources. `--quick` builds without the warm-up of the code cache. Prints to stderr, only if there is something to do.
 */
const { spawnSync } = require('node:child_process')
const { existsSync, readdirSync, readFileSync, statSync } = require('node:fs')
const { join } = require('node:path')

function readJson(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}

/** Returns true if node_modules has every package of the lock file in its version. */
function isInstalled(root) {
  const wanted = readJson(join(root, 'package-lock.json'))?.packages ?? {}
  const present = readJson(join(root, 'node_modules', '.package-lock.json'))?.packages
  if (present === undefined) return false
  return Object.entries(wanted).every(
    ([path, { version, optional }]) => path === '' || optional || present[path]?.version === version,
  )
}

/** Returns the time of the newest change below a path, folders included, since removing a file changes its folder. */
function newest(path) {
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.mtimeMs
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))))
}

/** Returns true if dist was built from the current sources by this Node, and completely unless a quick build is enough. */
function isBuilt(root, isQuick) {
  const stamp = readJson(join(root, 'dist', 'build.json'))
  if (stamp === undefined || (stamp.isQuick && !isQuick) || !existsSync(join(root, 'oclif.manifest.json'))) return false
  const sources = ['src', 'bin/build.js', 'bin/quick.js', 'bin/launch.js', 'package.json', 'package-lock.json']
  return stamp.node === process.version && sources.every((path) => newest(join(root, path)) <= stamp.startedAt)
}

function run(root, title, command, args) {
  process.stderr.write(`${title}\n`)
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (error) throw error
  if (status !== 0) {
    process.stderr.write(`${title}: failed with exit code ${status}\n`)
    process.exit(1)
  }
}

/** Installs and builds in `root` if needed. */
function prepare(root, isQuick = false) {
  const npm = process.env.npm_execpath
  const npmCi = ['ci', '--no-audit', '--no-fund', '--loglevel=error']
  if (!isInstalled(root)) {
    if (npm) run(root, 'installing the packages of package-lock.json', process.execPath, [npm, ...npmCi])
    else run(root, 'installing the packages of package-lock.json', 'npm', npmCi)
  }
  const quick = isQuick ? ['--quick'] : []
  if (!isBuilt(root, isQuick)) run(root, 'building', process.execPath, [join(root, 'bin', 'build.js'), ...quick])
}

module.exports = { prepare }

if (require.main === module) prepare(join(__dirname, '..'), process.argv.includes('--quick'))
