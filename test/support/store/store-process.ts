/** Builds and runs `store-child.ts` as processes that can be killed, stopped and raced. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { copyDir } from '../processes/cli.js'
import { fastest } from './store.js'

export interface Workshop {
  /** A folder for this test file only. */
  readonly dir: string
  readonly child: string
  copyOf(from: string, name: string): string
  remove(): void
}

/** Creates a folder with the child program in it. */
export async function workshop(): Promise<Workshop> {
  const dir = mkdtempSync(join(fastest(), 'brine-crash-'))
  const child = join(dir, 'child.mjs')
  const requireLine = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"
  await build({
    entryPoints: [join(dirname(fileURLToPath(import.meta.url)), 'store-child.ts')],
    outfile: child,
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: { js: requireLine },
    logLevel: 'error',
    nodePaths: [dirname(dirname(createRequire(import.meta.url).resolve('proper-lockfile/package.json')))],
  })
  return {
    dir,
    child,
    copyOf(from, name) {
      const to = join(dir, name)
      rmSync(to, { recursive: true, force: true })
      return copyDir(from, to)
    },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  }
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly err: string
}

export interface Started {
  readonly process: ChildProcess
  readonly ended: Promise<Ended>
  /** Resolves when the child has printed this text. */
  printed(text: string): Promise<void>
}

export function start(shop: Workshop, verb: string, dir: string, options: object = {}): Started {
  const child = spawn(process.execPath, [shop.child, verb, dir, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [out, err] = ['', '']
  const waiting: { text: string; tell: () => void }[] = []
  child.stdout.on('data', (bytes) => {
    out += bytes
    for (const one of waiting) if (out.includes(one.text)) one.tell()
  })
  child.stderr.on('data', (bytes) => {
    err += bytes
  })
  const ended = new Promise<Ended>((resolve) =>
    child.on('close', (code, signal) => resolve({ code, signal, out, err })),
  )
  return {
    process: child,
    ended,
    printed: (text) =>
      new Promise((resolve, reject) => {
        if (out.includes(text)) resolve()
        waiting.push({ text, tell: resolve })
        void ended.then(() => reject(new Error(`ended without ${text}: ${out}${err}`)))
      }),
  }
}

export async function run(shop: Workshop, verb: string, dir: string, options: object = {}): Promise<Ended> {
  return start(shop, verb, dir, options).ended
}
