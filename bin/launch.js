/**
 * Loads the built program through V8's code cache, which halves the start-up time of a command.
 * The files of dist are CommonJS because Node 20 accepts a cache for scripts only, not for modules. Only the build writes the cache,
 * never a command: a read-only installation does not change, and nothing is loaded from a shared folder.
 * Without a cache, or with that of another Node, the program works the same and starts slower. V8 does not verify a cache (one wrong
 * bit can make it hang, and it compares only the length of the source), so each cache begins with a digest over both.
 */
const { createHash } = require('node:crypto')
const { mkdirSync, readFileSync, renameSync, writeFileSync } = require('node:fs')
const { createRequire } = require('node:module')
const { availableParallelism, homedir, tmpdir } = require('node:os')
const { dirname, join, relative, resolve, sep } = require('node:path')
const { Script } = require('node:vm')

const WRAPPER = ['(function (exports, require, module, __filename, __dirname) {', '\n})']

/** Words of commands that only read. A wrong guess, for example for a CA of that name, costs a few milliseconds. */
const LOOKING = new Set([
  '--version',
  '--help',
  'check',
  'digest',
  'help',
  'list',
  'show',
  'stats',
  'status',
  'tal',
  'verify',
])

/**
 * Returns the cache folder of this Node; V8 rejects the data of another version. A change runs three times the code of a read: a shared
 * cache would cost every read what it saves for changes, so each has its own.
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

  /** Files whose cache was missing or rejected; read by a test. */
  function uncached() {
    return [...loaded]
      .filter(([, { script }]) => script.cachedDataRejected !== false)
      .map(([file]) => relative(dist, file))
  }

  return { load, writeCache, uncached }
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

/**
 * Runs the command line `argv` (without node and script) with the program built in `root/dist`. A process that runs several commands, as the
 * tests do, passes the same `compiled` each time (see createLoader).
 */
function launch(root, argv, observe, compiled) {
  const purpose = argv.some((word) => LOOKING.has(word)) ? 'look' : 'change'
  process.env['UV_THREADPOOL_SIZE'] ??= String(THREADS)
  completeEnvironment(process.env)
  const dist = join(root, 'dist')
  const loader = createLoader(dist, cacheFolder(dist, purpose), compiled)
  observe?.(loader)
  return loader.load(join(dist, 'run.js')).run(root, argv)
}

module.exports = { launch }
