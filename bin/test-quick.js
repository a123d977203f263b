/**
 * `npm run test:quick`: the tests of the rules, then the tests of programs that the change against main touches. A changed test is run;
 * a changed source selects the tests of its folder in test/unit that start programs, and the e2e tests of its topic.
 */
const { spawnSync } = require('node:child_process')
const { existsSync, readdirSync } = require('node:fs')
const { basename, join } = require('node:path')

const root = join(__dirname, '..')

function git(...args) {
  const { status, stdout } = spawnSync('git', args, { cwd: root, encoding: 'utf8' })
  return status === 0 ? stdout.split('\n').filter((line) => line !== '') : undefined
}

/** Paths that differ from the newest commit shared with main, files that git does not know yet included. */
function changedFiles() {
  const [base = 'HEAD'] = git('merge-base', 'HEAD', 'origin/main') ?? git('merge-base', 'HEAD', 'main') ?? []
  return [...(git('diff', '--name-only', base) ?? []), ...(git('ls-files', '--others', '--exclude-standard') ?? [])]
}

/** Topics of commands that a source is about, by its folder and its name: `app/authority/roas.ts` is about `roa`. */
function topicsOf(path, topics) {
  const words = path.replace(/\.ts$/, '').split('/')
  const name = basename(path, '.ts')
  return topics.filter(
    (topic) =>
      words.includes(topic) || name === `${topic}s` || name.startsWith(`${topic}-`) || name.endsWith(`-${topic}`),
  )
}

/** Returns what to pass to vitest for these changes: files and folders of tests that start programs. */
function touchedBy(changed, topics) {
  const touched = changed.flatMap((path) => {
    if (/^test\/(unit|property)\//.test(path)) return path.endsWith('.process.test.ts') ? [path] : []
    if (path.startsWith('test/') && path.endsWith('.test.ts')) return [path]
    const folder = /^test\/e2e\/[^/]+\//.exec(path)
    if (folder !== null) return [folder[0]]
    if (!path.startsWith('src/')) return []
    const mirror = /^src\/core\/(.*\/)/.exec(path)
    const unit = mirror === null ? [] : [`test/unit/${mirror[1]}`]
    return [...unit, ...topicsOf(path, topics).map((topic) => `test/e2e/${topic}/`)]
  })
  return [...new Set(touched)].filter((path) => existsSync(join(root, path)))
}

function run(...args) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
  return status === 0
}

function main() {
  const vitest = join('node_modules', 'vitest', 'vitest.mjs')
  const touched = touchedBy(changedFiles(), readdirSync(join(root, 'test', 'e2e')))
  const isRight = run(vitest, 'run', '--project', 'rules')
  if (touched.length > 0 && !run(join('bin', 'setup.js'))) return false
  const projects = ['process', 'crash', 'interop'].flatMap((name) => ['--project', name])
  const isTouchedRight = touched.length === 0 || run(vitest, 'run', '--passWithNoTests', ...projects, ...touched)
  return isRight && isTouchedRight
}

module.exports = { touchedBy }

if (require.main === module && !main()) process.exitCode = 1
