/**
 * `npm run test:quick`: the tests of the rules, then the tests of programs that the change against main touches. A changed test is run;
 * a changed source selects the tests of its folder in test/unit that start programs, and the e2e tests of its topic.
 */
const { spawnSync } = require('node:child_process')
const { readdirSync } = require('node:fs')
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

/** Returns patterns of the tests that start programs and that these changes touch. */
function touchedBy(changed, topics) {
  const touched = changed.flatMap((path) => {
    if (/^test\/(unit|property)\//.test(path)) return path.endsWith('.process.test.ts') ? [path] : []
    if (path.startsWith('test/') && path.endsWith('.test.ts')) return [path]
    const folder = /^test\/e2e\/[^/]+\//.exec(path)
    if (folder !== null) return [`${folder[0]}**/*.test.ts`]
    if (!path.startsWith('src/')) return []
    const mirror = /^src\/core\/(.*\/)/.exec(path)
    const unit = mirror === null ? [] : [`test/unit/${mirror[1]}*.process.test.ts`]
    return [...unit, ...topicsOf(path, topics).map((topic) => `test/e2e/${topic}/**/*.test.ts`)]
  })
  return [...new Set(touched)]
}

function run(args, env = {}) {
  const { status } = spawnSync(process.execPath, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  })
  return status === 0
}

/** One run of vitest for both: its start costs as much as a hundred tests. */
function main() {
  const touched = touchedBy(changedFiles(), readdirSync(join(root, 'test', 'e2e')))
  if (touched.length > 0 && !run([join('bin', 'setup.js'), '--quick'])) return false
  const vitest = join('node_modules', 'vitest', 'vitest.mjs')
  return run([vitest, 'run', '--passWithNoTests'], { BRINE_TEST_QUICK: touched.join(',') })
}

module.exports = { touchedBy }

if (require.main === module && !main()) process.exitCode = 1
