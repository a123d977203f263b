/**
 * Children that ask their parent: each sends a list, some of them a request for a certificate, 8 at once. The parent is Brine with a process
 * for each request, Brine with the worker, and Krill (where it is installed); rounds of the three alternate, and with them processes that
 * do nothing. `BENCH_CHILDREN` sets their number, `BENCH_ISSUES` how many of them ask for a certificate, `BENCH_CLIENTS` how many at once.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { brineParent, checkAnswer, issueOf, krillParent, listOf, MOST_ISSUES, sender } from './support/children.js'
import { newFolder } from './support/folder.js'
import { startKrill } from './support/krill-peer.js'
import { machine } from './support/load.js'
import { say } from './support/run.js'
import { compareServers } from './support/servers.js'

const CHILDREN = Number(process.env['BENCH_CHILDREN'] ?? 500)
const ISSUES = Math.min(MOST_ISSUES, CHILDREN, Number(process.env['BENCH_ISSUES'] ?? MOST_ISSUES))
const CLIENTS = Number(process.env['BENCH_CLIENTS'] ?? 8)

const folder = newFolder()
const krill = await startKrill(join(folder, 'krill'))
try {
  say(`${CHILDREN} children, ${ISSUES} of them ask for a certificate, ${CLIENTS} at once; ${machine()}`)
  const party = await sender()
  let started = performance.now()
  const elapsed = (): string => `${((performance.now() - started) / CHILDREN).toFixed(0)} ms each`
  const data = await brineParent(folder, party, CHILDREN)
  say(`children added to Brine, a commit for each: ${elapsed()}`)
  started = performance.now()
  if (krill !== undefined) {
    await krillParent(krill, party, CHILDREN)
    say(`children added to Krill, a krillc for each: ${elapsed()}`)
  }
  await compareServers({
    ...{ service: 'rfc6492', data, krill, clients: CLIENTS, peers: CHILDREN, check: checkAnswer },
    messages: async (child, way) => {
      const list = await listOf(party, child)
      // the worker is asked for another certificate than the process, which has issued that one in the same directory
      return child < ISSUES ? [list, await issueOf(party, child, way === 1 ? 25 : 24)] : [list]
    },
  })
} finally {
  await krill?.stop()
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
}
