/** Signals at any moment of a change: what stands afterwards is the state before or after, the exit code says which, the next command works at once. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { footprint, makeSandbox, NOW, type Sandbox, STANDING } from '../../support/sites/bad-input-box.js'

let sandbox: Sandbox & { readonly remove: () => void }

beforeAll(async () => {
  sandbox = await makeSandbox()
})
afterAll(() => sandbox.remove())

const BRINE = join(import.meta.dirname, '../../../bin/run.js')
const EXIT = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129, SIGKILL: 137 } as const
type Signal = keyof typeof EXIT

interface Ended {
  readonly code: number
  readonly stderr: string
}

/** Runs `roa add` and sends the signal as soon as `when` says so. */
function interrupted(box: Sandbox, roa: string, signal: Signal, when: () => boolean): Promise<Ended> {
  const env = { PATH: process.env['PATH'] ?? '', BRINE_NOW: NOW, BRINE_DATA_DIR: box.dir }
  const child = spawn(process.execPath, [BRINE, 'roa', 'add', 'acme', roa], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  const look = setInterval(() => {
    if (!when()) return
    clearInterval(look)
    child.kill(signal)
  }, 1)
  return new Promise((resolve) =>
    child.on('close', (code, by) => {
      clearInterval(look)
      resolve({ code: code ?? EXIT[by as Signal] ?? 0, stderr })
    }),
  )
}

async function roasOf(box: Sandbox): Promise<readonly string[]> {
  const listed = await box.run(['roa', 'list', 'acme', '--json'])
  expect(listed.code, listed.stdout + listed.stderr).toBe(0)
  const { roas } = listed.json<{ roas: { prefix: string; maxLength: number; asn: number; state: string }[] }>()
  return roas.map((roa) => `${roa.prefix}-${roa.maxLength} => ${roa.asn} ${roa.state}`)
}

/** After so many milliseconds, or in one of the states that a command passes through. */
function moments(box: Sandbox): readonly (() => boolean)[] {
  const after = (ms: number) => {
    const began = performance.now()
    return () => performance.now() - began >= ms
  }
  const sees = (name: string) => () => existsSync(join(box.dir, name))
  return [
    sees('.lock-owner'),
    sees(join('commits', '4.json')),
    after(60),
    after(0),
    after(120),
    after(200),
    after(350),
    sees('.lock.d'),
  ]
}

it.each([
  ['SIGINT', 8],
  ['SIGTERM', 3],
  ['SIGHUP', 3],
  ['SIGKILL', 8],
] as const)(
  'B145: %s at %i moments of roa add',
  async (signal, count) => {
    const codes = new Set<number>()
    for (let n = 0; n < count; n += 1) {
      const box = sandbox.copy()
      const when = moments(box)[n] ?? (() => true)
      const before = footprint(box.dir)
      const { code, stderr } = await interrupted(box, '192.0.2.0/25=AS64496', signal, when)
      codes.add(code)
      const told = `moment ${n}: exit ${code}\n${stderr}`
      expect([0, 17, EXIT[signal]], told).toContain(code)
      if (code === EXIT[signal] && signal !== 'SIGKILL') expect(footprint(box.dir), told).toEqual(before)
      if (code === EXIT[signal] && stderr !== '') expect(stderr).toContain('interrupted, nothing changed')
      if (code === 17) expect(stderr).toContain('changed and durable')
      const next = await box.run(['roa', 'add', 'acme', '192.0.2.0/26=AS64496', '--lock-timeout', '1s'])
      expect(next.code, `${told}${next.stderr}`).toBe(0)
      const roas = await roasOf(box)
      const made = '192.0.2.0/25-25 => 64496 published'
      const all = [
        `${STANDING} published`,
        ...(roas.includes(made) ? [made] : []),
        '192.0.2.0/26-26 => 64496 published',
      ]
      expect(roas, told).toEqual(all)
      if (signal !== 'SIGKILL') expect(roas.includes(made), told).toBe(code !== EXIT[signal])
    }
    expect(codes).toContain(EXIT[signal])
  },
  300_000,
)

it('while it waits for the lock: at once, and nothing changed', async () => {
  const box = sandbox.copy()
  const holder = spawn('flock', ['-x', join(box.dir, '.lock'), 'sleep', '600'], { stdio: 'ignore', detached: true })
  await new Promise((resolve) => holder.on('spawn', resolve))
  const before = footprint(box.dir)
  const began = performance.now()
  const { code, stderr } = await interrupted(
    box,
    '192.0.2.0/25=AS64496',
    'SIGINT',
    () => performance.now() - began > 1500,
  )
  if (holder.pid !== undefined) process.kill(-holder.pid, 'SIGKILL')
  expect([code, stderr]).toEqual([130, 'interrupted, nothing changed\n'])
  expect(footprint(box.dir)).toEqual(before)
})
