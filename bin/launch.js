/**
 * Loads the built program through V8's code cache, which halves the start of a command.
 * The files of dist are CommonJS because only scripts, not modules, can be given a cache on Node 20. The cache is written by
 * the build alone, never by a command: a read-only installation stays as it is, and nothing is taken from a shared folder.
 * Without a cache, or with one of another Node, the program runs the same and starts slower.
 */
const { mkdirSync, readFileSync, renameSync, writeFileSync } = require('node:fs')
const { createRequire } = require('node:module')
const { dirname, join, relative, resolve, sep } = require('node:path')
const { Script } = require('node:vm')

const WRAPPER = ['(function (exports, require, module, __filename, __dirname) {', '\n})']

/** Where the cache of this Node lies; V8 refuses the data of another version by itself. */
function cacheFolder(dist) {
  return join(dist, 'cache', `${process.version}-${process.arch}`)
}

function readIfThere(file) {
  try {
    return readFileSync(file)
  } catch {
    return undefined
  }
}

/** A `require` for the files below `dist`; everything else goes to Node's own. */
function createLoader(dist) {
  const inside = dist + sep
  const folder = cacheFolder(dist)
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
    const cachedData = readIfThere(cacheFile)
    const source = WRAPPER[0] + readFileSync(file, 'utf8') + WRAPPER[1]
    const script = new Script(source, { filename: file, cachedData })
    const module = { id: file, filename: file, exports: {}, loaded: false }
    loaded.set(file, { module, script, cacheFile })
    script.runInThisContext().call(module.exports, module.exports, requireFrom(file), module, file, dirname(file))
    module.loaded = true
    return module.exports
  }

  /** Writes what V8 has compiled by now, so that the next process need not compile it. */
  function writeCache() {
    mkdirSync(folder, { recursive: true })
    for (const { script, cacheFile } of loaded.values()) {
      writeFileSync(`${cacheFile}.${process.pid}`, script.createCachedData())
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

/** Runs the command line `argv` (without node and script) with the program built in `root/dist`. */
function launch(root, argv, observe) {
  const dist = join(root, 'dist')
  const loader = createLoader(dist)
  observe?.(loader)
  return loader.load(join(dist, 'run.js')).run(root, argv)
}

module.exports = { launch }
