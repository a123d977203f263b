/**
 * Runs a program with a text on its standard input.
 * Invariants: it ends within its time with everything in its process group, what it prints is bounded, and it gets no variables that could
 * hold secrets.
 */
import { spawn } from 'node:child_process'
import { printable } from '../base/text.js'

export interface HookRun {
  readonly program: string
  readonly input: string
  readonly seconds: number
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Name of the variable that tells a command in a hook to run no hook. */
export const IN_HOOK = 'BRINE_HOOK'
const PASSED = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ'] as const
/** Octets of its output that are shown in a warning. */
const MAX_SHOWN = 300

/** Resolves when the program has ended: to what went wrong, or undefined. Never rejects. */
export async function runHook({ program, input, seconds, env }: HookRun): Promise<string | undefined> {
  return new Promise((resolve) => {
    const passed = Object.fromEntries(PASSED.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])))
    const child = spawn(program, [], { cwd: '/', env: { ...passed, [IN_HOOK]: '1' }, stdio: 'pipe', detached: true })
    let shown = ''
    let isLate = false
    const hear = (chunk: Buffer): void => {
      // what is over the bound is read and dropped: a full pipe would stop the program
      if (shown.length < MAX_SHOWN) shown += chunk.toString('utf8', 0, MAX_SHOWN)
    }
    const endGroup = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      } catch {
        // the group has ended
      }
    }
    const timer = setTimeout(() => {
      isLate = true
      endGroup()
    }, seconds * 1000)
    const finish = (problem: string | undefined): void => {
      clearTimeout(timer)
      process.off('exit', endGroup)
      endGroup()
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy()
      const [first = ''] = shown.trim().split('\n')
      resolve(problem === undefined || first === '' ? problem : `${problem}: ${printable(first.slice(0, MAX_SHOWN))}`)
    }
    process.on('exit', endGroup)
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    // a program need not read its input
    child.stdin.on('error', () => undefined)
    child.on('error', ({ message }) => finish(message))
    child.on('exit', (code, signal) => {
      if (isLate) finish(`ended after ${seconds} s`)
      else finish(code === 0 ? undefined : `ended with ${signal ?? `exit code ${code}`}`)
    })
    child.stdin.end(input)
  })
}
