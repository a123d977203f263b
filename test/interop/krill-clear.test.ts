/** Krill's `pubserver server clear`, which ours follows: refused while there are publishers, then the server can be set up with other URIs. */
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { Krill, needKrill } from '../support/peers/krill.js'
import { runBrine } from '../support/processes/cli.js'
import { brineOk, newTestbed, scratchFolder } from '../support/sites/testbed.js'

const scratch = scratchFolder('krill-clear')
let krill: Krill | undefined
afterAll(async () => {
  await krill?.stop()
  scratch.remove()
})

test('both refuse it while there are publishers, and take other URIs after it', async (context) => {
  const programs = needKrill(context)
  krill = await Krill.start(join(scratch.dir, 'krill'), programs, { testbed: true })
  const init = (host: string) => ['--rrdp', `https://${host}/rrdp/`, '--rsync', `rsync://${host}/repo/`]
  const refused = await krill.tryRun('pubserver', 'server', 'clear')
  expect(refused.status).not.toBe(0)
  expect((await krill.tryRun('pubserver', 'server', 'init', ...init('new.example.net'))).status).not.toBe(0)
  const names = [...(await krill.run('pubserver', 'publishers', 'list')).matchAll(/[a-z]+/g)].map(([name]) => name)
  for (const name of names) await krill.tryRun('pubserver', 'publishers', 'remove', '--publisher', name)
  await krill.run('pubserver', 'server', 'clear')
  await krill.run('pubserver', 'server', 'init', ...init('new.example.net'))

  const dir = join(scratch.dir, 'data')
  await newTestbed(dir)
  const own = await runBrine(['pubserver', 'clear', '--yes', '--json'], { dataDir: dir })
  expect([own.code, own.stdout]).toEqual([1, expect.stringContaining('pubserver-in-use')])
  const bare = join(scratch.dir, 'bare')
  await brineOk(bare, ['init'])
  await brineOk(bare, ['pubserver', 'init', ...init('old.example.net')])
  expect((await runBrine(['pubserver', 'init', ...init('new.example.net')], { dataDir: bare })).code).toBe(1)
  await brineOk(bare, ['pubserver', 'clear', '--yes'])
  await brineOk(bare, ['pubserver', 'init', ...init('new.example.net')])
}, 120_000)
