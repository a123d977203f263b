/** `pubserver push` to two targets that is killed at random moments: validators find each target complete, with the old objects or the new ones. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { runBoth, serverRoots, skipUnlessOnline } from '../support/peers/online.js'
import { projectDir } from '../support/processes/brine-shim.js'
import { isSlow, sampleSeed, seededNumbers } from '../support/processes/sample.js'
import { brineOk, newTestbed, scratchFolder } from '../support/sites/testbed.js'

const KILLS = isSlow ? 30 : 3
const scratch = scratchFolder('push-killed')
const dataDir = join(scratch.dir, 'data')
const targets = ['one', 'two'].map((name) => join(scratch.dir, name))
const next = seededNumbers(sampleSeed)
afterAll(scratch.remove)

/** Pushes in a process of its own, which is killed after so many milliseconds. Returns the signal that ended it. */
async function push(killAfter?: number): Promise<NodeJS.Signals | null> {
  const env = { PATH: process.env['PATH'] ?? '', HOME: scratch.dir, BRINE_DATA_DIR: dataDir }
  const args = [join(projectDir, 'bin/run.js'), 'pubserver', 'push', ...targets]
  const child = spawn(process.execPath, args, { env, stdio: 'ignore' })
  const ended = new Promise<NodeJS.Signals | null>((resolve) => child.once('close', (_, signal) => resolve(signal)))
  if (killAfter !== undefined) {
    await Promise.race([setTimeout(killAfter), ended])
    child.kill('SIGKILL')
  }
  return ended
}

/** Returns the VRPs of each target, of which each transport may have another version. */
async function judged(): Promise<readonly (readonly string[])[]> {
  const runs = await Promise.all(
    targets.map((target) => runBoth(`${target}-roots`, join(target, 'ta', 'ta.tal'), `${target}-roots`, {})),
  )
  return runs.flatMap(({ ok, output, vrps }) => {
    // nothing is complained about; the two transports need not agree
    expect(ok, output).toBe(true)
    return vrps
  })
}

const vrp = (n: number): string => `AS64496,10.0.${n}.0/24,24`

test(
  `a push to two targets, killed ${KILLS} times`,
  async (context) => {
    skipUnlessOnline(context)
    await newTestbed(dataDir)
    await brineOk(dataDir, ['roa', 'add', 'testbed', '192.0.2.0/24 => 64496', '10.0.0.0/24 => 64496'])
    expect(await push()).toBe(null)
    for (const target of targets) serverRoots(target, `${target}-roots`)
    const began = Date.now()
    expect(await push()).toBe(null)
    let most = 2 * (Date.now() - began)
    let killed = 0
    for (let n = 1; n <= KILLS; n++) {
      await brineOk(dataDir, ['roa', 'replace', 'testbed', '192.0.2.0/24 => 64496', `10.0.${n}.0/24 => 64496`])
      if ((await push(100 + next() * most)) === 'SIGKILL') killed += 1
      else most *= 0.7
      const stable = 'AS64496,192.0.2.0/24,24'
      for (const found of await judged())
        expect([
          [vrp(n - 1), stable],
          [vrp(n), stable],
        ]).toContainEqual(found)
      expect(await push()).toBe(null)
    }
    expect(await judged()).toEqual(Array.from({ length: 4 }, () => [vrp(KILLS), 'AS64496,192.0.2.0/24,24']))
    process.stderr.write(`${killed} of ${KILLS} killed\n`)
  },
  isSlow ? 900_000 : 240_000,
)
