/** A data directory with weeks of history: created in this process by the use cases themselves, each command at its own time. */
import { join } from 'node:path'
import { addCa } from '../../../src/core/app/authority/cas.js'
import { resourcesOf } from '../../../src/core/app/authority/resource-arguments.js'
import { roaArguments } from '../../../src/core/app/authority/roa-set.js'
import { updateRoas } from '../../../src/core/app/authority/roas.js'
import { tick } from '../../../src/core/app/operations/tick.js'
import { parseHandle } from '../../../src/core/base/handle.js'
import { addSeconds, type Instant } from '../../../src/core/base/time.js'
import { newTestbed, quickSession, scratchFolder } from '../sites/testbed.js'

const DAY = 86400
const ACME = parseHandle('acme')

export interface LivedIn {
  readonly folder: string
  readonly dataDir: string
  readonly remove: () => void
}

/**
 * Creates trust anchor, testbed and `acme`, which gets a ROA every tenth day, and republishes twice a day for so many days from `start`.
 */
export async function livedIn(name: string, start: Instant, days: number): Promise<LivedIn> {
  const { dir, remove } = scratchFolder(name)
  const dataDir = join(dir, 'data')
  await newTestbed(dataDir, start)
  const under = { parent: parseHandle('testbed'), resources: resourcesOf('192.0.2.0/24,AS64496') }
  await addCa(await quickSession(dataDir, start), ACME, under)
  for (let half = 1; half <= 2 * days; half++) {
    const at = addSeconds(start, (half * DAY) / 2)
    await tick(await quickSession(dataDir, at))
    if (half % 20 === 1) await addRoa(dataDir, at, half)
  }
  return { folder: dir, dataDir, remove }
}

/** Adds one more ROA for `acme`. */
export async function addRoa(dataDir: string, at: Instant, n: number): Promise<void> {
  await updateRoas(await quickSession(dataDir, at), ACME, roaArguments({ add: [`192.0.2.${n}/32 => 64496`] }))
}
