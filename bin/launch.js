/**
 * Loads the built program through V8's code cache, which halves the start of a command.
 * The files of dist are CommonJS because only scripts, not modules, can be given a cache on Node 20. The cache is written by
 * the build alone, never by a command: a read-only installation stays as it is, and nothing is taken from a shared folder.
 * Without a cache, or with one of another Node, the program runs the same and starts slower. V8 believes what it is given (one
 * wrong bit can hang it, and of the source it compares the length alone), so each cache opens with a digest over both.
 */
const { createHash } = require('node:crypto')
const { mkdirSync, readFileSync, renameSync, writeFileSync } = require('node:fs')
const { createRequire } = require('node:module')
const { availableParallelism } = require('node:os')
const { dirname, join, relative, resolve, sep } = require('node:path')
const { Script } = require('node:vm')

const WRAPPER = ['(function (exports, require, module, __filename, __dirname) {', '\n})']

/** What a command that only looks is called; the words of every other one, and a name like these, cost a few milliseconds at most. */
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
 * Where the cache of this Node lies; V8 refuses the data of another version by itself. A change runs three times the code of a read:
 * one cache for both would cost every read what it spares the changes, so that each has its own.
 */
function cacheFolder(dist, purpose) {
  return join(dist, 'cache', `${process.version}-${process.arch}`, purpose)
}

const DIGEST_BYTES = 32

function digestOf(source, data) {
  return createHash('sha256').update(source).update(data).digest()
}

/** The cache in `file` when it is whole and was made from `source`. */
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

/** A `require` for the files below `dist`; everything else goes to Node's own. */
function createLoader(dist, folder) {
  const inside = dist + sep
  const loaded = new Map()

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
    const cacheFile = join(folder, `${relative(dist, file).replaceAll(sep, '+')}.bin`)
    const source = readFileSync(file)
    const cachedData = readCache(cacheFile, source)
    const script = new Script(WRAPPER[0] + source.toString() + WRAPPER[1], { filename: file, cachedData })
    const module = { id: file, filename: file, exports: {}, loaded: false }
    loaded.set(file, { module, source, script, cacheFile })
    script.runInThisContext().call(module.exports, module.exports, requireFrom(file), module, file, dirname(file))
    module.loaded = true
    return module.exports
  }

  /** Writes what V8 has compiled by now, so that the next process need not compile it. */
  function writeCache() {
    mkdirSync(folder, { recursive: true })
    for (const { source, script, cacheFile } of loaded.values()) {
      const data = script.createCachedData()
      writeFileSync(`${cacheFile}.${process.pid}`, Buffer.concat([digestOf(source, data), data]))
      renameSync(`${cacheFile}.${process.pid}`, cacheFile)
    }
  }

  /** Files whose cache was missing or refused: what a test looks at. */
  function uncached() {
    return [...loaded]
      .filter(([, { script }]) => script.cachedDataRejected !== false)
      .map(([file]) => relative(dist, file))
  }

  return { load, writeCache, uncached }
}

/**
 * libuv starts four threads, however many cores there are. Keys are made on four more than there are (`inFlightFor`), signatures beside
 * them. libuv reads the number when it starts the first; what the user has set stands.
 */
const THREADS = availableParallelism() + 6

/** Runs the command line `argv` (without node and script) with the program built in `root/dist`. */
function launch(root, argv, observe) {
  const purpose = argv.some((word) => LOOKING.has(word)) ? 'look' : 'change'
  process.env['UV_THREADPOOL_SIZE'] ??= String(THREADS)
  const dist = join(root, 'dist')
  const loader = createLoader(dist, cacheFolder(dist, purpose))
  observe?.(loader)
  return loader.load(join(dist, 'run.js')).run(root, argv)
}

module.exports = { launch }
