/** The program that talks to tokens, built for tests, and what a test of tokens needs. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'
import { findProgram } from './validators.js'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

/** SoftHSM's library. */
export const SOFTHSM =
  [
    '/usr/lib/softhsm/libsofthsm2.so',
    '/usr/lib64/softhsm/libsofthsm2.so',
    '/usr/local/lib/softhsm/libsofthsm2.so',
  ].find((path) => existsSync(path)) ?? ''

/** What is not here of what tests with SoftHSM need, by name; undefined when all is. */
export function absentForTokens(): string | undefined {
  if (findProgram('softhsm2-util') === undefined) return 'softhsm2-util'
  if (SOFTHSM === '') return 'libsofthsm2.so'
  try {
    createRequire(import.meta.url)('pkcs11js')
    return undefined
  } catch {
    return 'pkcs11js'
  }
}

/** Builds it in `dir`; its path. It finds pkcs11js over NODE_PATH, which is set here. */
export function buildTokenProgram(dir: string): string {
  const outfile = join(dir, 'pkcs11-child.mjs')
  buildSync({
    entryPoints: [join(ROOT, 'src/core/backends/token/pkcs11-child.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  })
  process.env['NODE_PATH'] = dirname(dirname(createRequire(import.meta.url).resolve('pkcs11js/package.json')))
  return outfile
}

/** The shim of pkcs11-shim.c, compiled in `dir`; undefined without a C compiler. */
export function buildShim(dir: string): string | undefined {
  const compiler = findProgram('cc')
  if (compiler === undefined) return undefined
  const includes = join(dirname(createRequire(import.meta.url).resolve('pkcs11js/package.json')), 'includes', 'pkcs11')
  const path = join(dir, 'pkcs11-shim.so')
  const source = join(ROOT, 'test/support/peers/pkcs11-shim.c')
  execFileSync(compiler, ['-shared', '-fPIC', '-I', includes, '-o', path, source, '-ldl'], { stdio: 'pipe' })
  return path
}

/** The library of SoftHSM behind the shim: what is asked of it is counted, and fails as told. */
export class ShimmedHsm {
  readonly module: string
  readonly #dir: string

  constructor(module: string, dir: string) {
    this.module = module
    this.#dir = dir
    process.env['SHIM_MODULE'] = SOFTHSM
    process.env['SHIM_DIR'] = dir
  }

  /** Lines as in pkcs11-shim.c; none: all is well again. */
  fail(...lines: readonly string[]): void {
    writeFileSync(join(this.#dir, 'fault'), lines.map((line) => `${line}\n`).join(''))
  }

  /** How often a function was called since `forget`. */
  calls(name: string): number {
    const log = join(this.#dir, 'log')
    if (!existsSync(log)) return 0
    return readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => line === name).length
  }

  /** The process that hangs at a call; undefined before it does. */
  hanging(): number | undefined {
    const path = join(this.#dir, 'hanging')
    const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
    return text.endsWith('\n') ? Number(text) : undefined
  }

  forget(): void {
    rmSync(join(this.#dir, 'hanging'), { force: true })
    rmSync(join(this.#dir, 'log'), { force: true })
  }
}

/** What TLS with a key in a token wants besides, by name; undefined when all is here. */
export function absentForTls(): string | undefined {
  if (findProgram('openssl') === undefined) return 'openssl'
  const { status } = spawnSync('openssl', ['engine', 'pkcs11'], { stdio: 'ignore' })
  return status === 0 ? undefined : 'libengine-pkcs11-openssl'
}
