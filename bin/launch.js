/**
 * Loads the built program through V8's code cache, which halves the start-up time of a command. There are two programs of the same commands:
 * one without oclif, which runs every valid command line, and one with it for everything else (help, errors, versions).
 * The files of dist are CommonJS because Node 20 accepts a cache for scripts only, not for modules. Only the build writes the cache,
 * never a command: a read-only installation does not change, and nothing is loaded from a shared folder.
 * Without a cache, or with that of another Node, the program works the same and starts slower. V8 does not verify a cache (one wrong
 * bit can make it hang, and it compares only the length of the source), so each cache begins with a digest over both. SHA-256 takes 1 ms for
 * the bundle of a daily read and its cache; node:crypto is loaded by any command, a faster checksum would need another module.
 */
const { createHash } = require('node:crypto')
const { mkdirSync, readFileSync, renameSync, writeFileSync } = require('node:fs')
const { createRequire } = require('node:module')
const { availableParallelism, homedir, tmpdir } = require('node:os')
const { dirname, join, relative, resolve, sep } = require('node:path')
const { Script } = require('node:vm')

const WRAPPER = ['(function (exports, require, module, __filename, __dirname) {', '\n})']

/** Words of commands that only read. A wrong guess, for example for a CA of that name, costs a few milliseconds. */
const LOOKING = new Set(['--version', '--help', 'check', 'digest', 'help', 'list', 'show', 'stats', 'tal', 'verify'])

/** Words of the commands that are run most, often by monitoring: their bundle has nothing that they do not load. */
const DAILY_READS = [
  ['status'],
  ['roa', 'list'],
  ['ca', 'list'],
  ['ca', 'show'],
  ['child', 'list'],
  ['history', 'list'],
  ['history', 'show'],
]

/**
 * Returns the cache folder of this Node; V8 rejects the data of another version. A change runs three times the code of a read, and `status`
 * half as much again: a shared cache would cost every read what it saves for them, so each has its own.
 */
function cacheFolder(dist, purpose) {
  return join(dist, 'cache', `${process.version}-${process.arch}`, purpose)
}

const DIGEST_BYTES = 32

function digestOf(source, data) {
  return createHash('sha256').update(source).update(data).digest()
}

/** Returns the cache in `file` if it is intact and was made from `source`. */
function readCache(file, source) {
  let bytes
  try {
    bytes = readFileSync(file)
  } catch {
    return undefined
  }
  const data = bytes.subarray(DIGEST_BYTES)
  return digestOf(source, data).equals(bytes.subarray(0, DIGEST_BYTES)) ? data : undefined
}

/**
 * Returns a `require` for the files below `dist`; all other modules are loaded by Node. It evaluates each file once. `compiled` has the
 * scripts by file; loaders that share it compile each file once.
 */
function createLoader(dist, folder, compiled = new Map()) {
  const inside = dist + sep
  const loaded = new Map()

  function compile(file) {
    const cacheFile = join(folder, `${relative(dist, file).replaceAll(sep, '+')}.bin`)
    const source = readFileSync(file)
    const cachedData = readCache(cacheFile, source)
    const script = new Script(WRAPPER[0] + source.toString() + WRAPPER[1], { filename: file, cachedData })
    compiled.set(file, { source, script, cacheFile })
    return compiled.get(file)
  }

  function requireFrom(file) {
    let outside
    const localRequire = (id) => {
      if (id.startsWith('node:')) return require(id)
      const target = id.startsWith('.') ? resolve(dirname(file), id) : id
      if (target.startsWith(inside) && target.endsWith('.js')) return load(target)
      outside ??= createRequire(file)
      return outside(id)
    }
    localRequire.resolve = (id) => createRequire(file).resolve(id)
    localRequire.cache = require.cache
    return localRequire
  }

  function load(file) {
    const known = loaded.get(file)
    if (known !== undefined) return known.module.exports
    const { source, script, cacheFile } = compiled.get(file) ?? compile(file)
    const module = { id: file, filename: file, exports: {}, loaded: false }
    loaded.set(file, { module, source, script, cacheFile })
    script.runInThisContext().call(module.exports, module.exports, requireFrom(file), module, file, dirname(file))
    module.loaded = true
    return module.exports
  }

  /** Writes the code that V8 has compiled so far, so that the next process need not compile it. */
  function writeCache() {
    mkdirSync(folder, { recursive: true })
    for (const { source, script, cacheFile } of loaded.values()) {
      const data = script.createCachedData()
      writeFileSync(`${cacheFile}.${process.pid}`, Buffer.concat([digestOf(source, data), data]))
      renameSync(`${cacheFile}.${process.pid}`, cacheFile)
    }
  }

  /** Files that were loaded, and those of them whose cache was missing or rejected; read by tests. */
  const files = () => [...loaded.keys()].map((file) => relative(dist, file))
  const uncached = () => files().filter((_, n) => [...loaded.values()][n].script.cachedDataRejected !== false)

  return { load, writeCache, files, uncached }
}

/**
 * Number of libuv threads. The default is four on any machine; keys are generated on four more threads than there are cores
 * (`inFlightFor`), with two more for signatures. libuv reads UV_THREADPOOL_SIZE when it starts the first thread; the user's value wins.
 */
const THREADS = availableParallelism() + 6

/**
 * Sets HOME and SHELL where they are unset and the user has no passwd entry to read them from, as in containers that run with any uid: oclif and
 * a package below it read both when they are loaded, and cannot be loaded otherwise.
 */
function completeEnvironment(env) {
  env['SHELL'] ??= '/bin/sh'
  try {
    homedir()
  } catch {
    env['HOME'] = tmpdir()
  }
}

/** Words with which oclif answers: the quick path need not be loaded to find that out. */
const OF_OCLIF = new Set(['--help', '-h', 'help', '--version', '-V', '-v', 'version'])

/** First word of the lines that the scripts of `brine completion` run. No command: it has no help and reports no error. */
const COMPLETE = '__complete'

/** Returns true if the line is likely a daily read. A wrong guess costs a few milliseconds. */
function isDailyRead(argv) {
  return DAILY_READS.some((words) => {
    const at = argv.indexOf(words[0])
    // only flags and their values may stand in front of the command
    const isFirst = at === 0 || argv[at - 1]?.startsWith('-') || argv[at - 2]?.startsWith('-')
    return isFirst && words.every((word, n) => argv[at + n] === word)
  })
}

/**
 * Runs a valid command line without oclif (see quick.js): a daily read with its own bundle, other commands with the one that has all.
 * Returns false, and has done nothing, if the line is not valid or the bundle cannot be loaded.
 */
async function runQuickly({ load }, root, argv) {
  if (argv.length === 0 || argv.some((word) => OF_OCLIF.has(word))) return false
  for (const bundle of isDailyRead(argv) ? ['daily', 'all'] : ['all']) {
    let program
    try {
      program = load(join(root, 'dist', 'quick', `${bundle}.js`))
    } catch {
      return false
    }
    const ending = await program.run(root, argv)
    if (ending !== 'elsewhere') return ending === 'done'
  }
  return false
}

/**
 * Runs the command line `argv` (without node and script) with the program built in `root/dist`. A process that runs several commands, as the
 * tests do, passes the same `compiled` each time (see createLoader).
 */
async function launch(root, argv, observe, compiled) {
  const isTab = argv[0] === COMPLETE
  const purpose = isTab
    ? 'complete'
    : argv.includes('status')
      ? 'status'
      : argv.some((word) => LOOKING.has(word))
        ? 'look'
        : 'change'
  process.env['UV_THREADPOOL_SIZE'] ??= String(THREADS)
  const dist = join(root, 'dist')
  const loader = createLoader(dist, cacheFolder(dist, purpose), compiled)
  observe?.(loader)
  if (isTab) return loader.load(join(dist, 'quick', 'complete.js')).complete(root, argv.slice(1))
  if (await runQuickly(loader, root, argv)) return
  completeEnvironment(process.env)
  await loader.load(join(dist, 'run.js')).run(root, argv)
}

module.exports = { launch, createLoader, DAILY_READS }
