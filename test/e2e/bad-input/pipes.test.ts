/** Named pipes where a file is expected: a command that waits for one ends at a signal and changes nothing, and reads what comes through it. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { footprint, makeSandbox, NOW, type Sandbox } from '../../support/sites/bad-input-box.js'

const BRINE = join(import.meta.dirname, '../../../bin/run.js')
const ROUTES = '64500\t198.51.100.0/24\t90\n64496\t192.0.2.0/24\t90\n'

let sandbox: Sandbox & { readonly remove: () => void }
beforeAll(async () => {
  sandbox = await makeSandbox()
})
afterAll(() => sandbox.remove())

function begun(dir: string, args: readonly string[]) {
  const env = { PATH: process.env['PATH'] ?? '', BRINE_NOW: NOW, BRINE_DATA_DIR: dir }
  const child = spawn(process.execPath, [BRINE, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const out = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (chunk: Buffer) => {
      out[name] += chunk.toString()
    })
  return { child, out, closed: once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]> }
}

/** Waits until the process has read its program and sleeps: in state S, with no time used for a while. */
async function untilItWaits(pid: number): Promise<void> {
  const used = (): string => readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ').slice(13, 15).join(' ')
  let [before, still] = ['', 0]
  while (still < 4) {
    await setTimeout(100)
    const now = used()
    still = now === before ? still + 1 : 0
    before = now
  }
}

function fifo(box: Sandbox, name: string): string {
  const path = join(box.dir, '..', name)
  execFileSync('mkfifo', ['-m', '600', path])
  return path
}

const READERS: Readonly<Record<string, (path: string) => readonly string[]>> = {
  inspect: (path) => ['inspect', path],
  plan: (path) => ['plan', path],
  'roa analyze': (path) => ['roa', 'analyze', 'acme', '--bgp', path],
  'roa add --bgp': (path) => ['roa', 'add', 'acme', '192.0.2.0/25 => 64496', '--bgp', path],
  'parent add': (path) => ['parent', 'add', 'acme', 'up', '--response', path],
  'backup create': (path) => ['backup', 'create', '-', '--passphrase-file', path],
}

describe.runIf(process.platform === 'linux')('a command that waits for a pipe', () => {
  it.each(Object.keys(READERS))('%s ends at SIGTERM and changes nothing', async (name) => {
    const box = sandbox.copy()
    const path = fifo(box, `${name.replaceAll(/\W/g, '-')}.pipe`)
    const before = footprint(box.dir)
    const { child, out, closed } = begun(box.dir, READERS[name]?.(path) ?? [])
    await untilItWaits(child.pid ?? 0)
    child.kill('SIGTERM')
    const ended = await Promise.race([closed, setTimeout(5000, 'still running' as const)])
    child.kill('SIGKILL')
    expect([ended, out.stdout], out.stderr).toEqual([[null, 'SIGTERM'], ''])
    expect(footprint(box.dir)).toEqual(before)
  })

  it.each(['SIGINT', 'SIGHUP'] as const)('ends at %s too', async (signal) => {
    const box = sandbox.copy()
    const { child, closed } = begun(box.dir, ['inspect', fifo(box, `${signal}.pipe`)])
    await untilItWaits(child.pid ?? 0)
    child.kill(signal)
    expect(await closed).toEqual([null, signal])
  })
})

describe.each([
  ['as it is', (text: string) => Buffer.from(text)],
  ['compressed', (text: string) => gzipSync(text)],
])('announcements that come through a pipe, %s', (kind, form) => {
  it('are those of the file', async () => {
    const box = sandbox.copy()
    const file = join(box.dir, '..', `routes-${kind.length}`)
    writeFileSync(file, form(ROUTES))
    utimesSync(file, Date.parse(NOW) / 1000, Date.parse(NOW) / 1000)
    const args = (path: string) => ['roa', 'analyze', 'acme', '--json', '--stale-bgp', '--bgp', path]
    const path = fifo(box, `routes-${kind.length}.pipe`)
    const piped = begun(box.dir, args(path))
    // in two pieces, the first of which does not show the form
    const script = '{ head -c 1 "$1"; sleep 0.5; tail -c +2 "$1"; } > "$2"'
    spawn('sh', ['-c', script, 'sh', file, path], { stdio: 'ignore' })
    expect(await piped.closed, piped.out.stderr).toEqual([0, null])
    const whole = begun(box.dir, args(file))
    await whole.closed
    const routesOf = (text: string) => JSON.parse(text).announcements
    expect(routesOf(piped.out.stdout)).toEqual(routesOf(whole.out.stdout))
    expect(routesOf(piped.out.stdout)).not.toBeUndefined()
  })
})
