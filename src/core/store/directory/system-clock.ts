/** Signs of this machine about its clock: boot id, uptime, the kernel's time, and whether the time is synchronised. */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import type { Boot, ClockSigns } from '../../base/clock-advance.js'
import { type Instant, instantOf } from '../../base/time.js'

/** Milliseconds that a program may take to say whether the time is synchronised. */
const ASK_MS = 2000

/** The file that systemd-timesyncd creates once it has synchronised. */
const TIMESYNC = '/run/systemd/timesync/synchronized'

/** Programs that know it, and what they print then. */
const ASK: readonly (readonly [program: string, args: readonly string[], yes: RegExp])[] = [
  ['timedatectl', ['show', '-p', 'NTPSynchronized'], /^NTPSynchronized=yes$/m],
  ['chronyc', ['-n', 'tracking'], /^Leap status\s*: (?:Normal|Insert second|Delete second)$/m],
]

/** The signs of the machine that runs this process. */
export const systemClockSigns: ClockSigns = { boot, kernelTime, isSynchronized }

function boot(): Boot | undefined {
  const id = read('/proc/sys/kernel/random/boot_id')?.trim()
  const uptime = uptimeSeconds()
  return id === undefined || !/^[0-9a-f-]{36}$/.test(id) || uptime === undefined ? undefined : { id, uptime }
}

/** Returns the whole seconds since the machine started, sleep included. */
function uptimeSeconds(): number | undefined {
  const text = /^(\d{1,12})(?:\.\d+)? /.exec(read('/proc/uptime') ?? '')?.[1]
  return text === undefined ? undefined : Number(text)
}

function kernelTime(): Instant | undefined {
  const started = /^btime (\d{1,12})$/m.exec(read('/proc/stat') ?? '')?.[1]
  const uptime = uptimeSeconds()
  return started === undefined || uptime === undefined ? undefined : instantOf(Number(started) + uptime)
}

async function isSynchronized(): Promise<boolean> {
  if (existsSync(TIMESYNC)) return true
  for (const [program, args, yes] of ASK) if (yes.test(await outputOf(program, args))) return true
  return false
}

/** Returns what a program prints; '' if it is missing, fails or takes too long. */
function outputOf(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: ASK_MS, encoding: 'utf8' }, (error, stdout) =>
      resolve(error === null ? stdout : ''),
    )
  })
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
