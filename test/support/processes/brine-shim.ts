/** `brine` on PATH, as an installation puts it there: a script that runs this checkout. */
import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const projectDir = fileURLToPath(new URL('../../..', import.meta.url))

export interface Ran {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** Writes `folder/bin/brine`; returns its path. Works where the environment is empty. */
export function writeShim(folder: string): string {
  const path = join(folder, 'bin', 'brine')
  mkdirSync(join(folder, 'bin'), { recursive: true, mode: 0o755 })
  writeFileSync(path, `#!/bin/sh\nexec '${process.execPath}' '${join(projectDir, 'bin', 'run.js')}' "$@"\n`, {
    mode: 0o755,
  })
  return path
}

/** The environment with `brine` first on PATH, without any BRINE_ setting of the caller, and with `more`. */
export function shimmedEnv(folder: string, more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(?:BRINE|KRILL)_/.test(name))
  const path = [join(folder, 'bin'), process.env['PATH'] ?? '', '/usr/sbin', '/usr/local/sbin'].join(delimiter)
  return { ...Object.fromEntries(own), PATH: path, ...more }
}

/** Runs a program to its end; never rejects. */
export function runProgram(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv; readonly timeout?: number } = {},
): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { maxBuffer: 64 * 1024 * 1024, ...options }, (error, stdout, stderr) =>
      resolve({ status: error === null ? 0 : (child.exitCode ?? 1), stdout, stderr }),
    )
    child.stdin?.end()
  })
}
