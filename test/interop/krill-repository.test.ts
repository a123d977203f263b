/** A real Krill as the repository of a CA of ours, over HTTPS: the two files of RFC 8183, then the messages of RFC 8181. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { caState } from '../../src/core/app/session/context.js'
import { parseHandle } from '../../src/core/base/handle.js'
import { publishedFiles } from '../../src/core/ca/state/files.js'
import { Work } from '../../src/core/eventsourcing/work.js'
import { openStore } from '../../src/core/store/commit/file-store.js'
import { Krill, needKrill } from '../support/peers/krill.js'
import { runBrine } from '../support/processes/cli.js'
import { brineOk, newTestbed, scratchFolder } from '../support/sites/testbed.js'

const scratch = scratchFolder('krill-repository')
const dir = join(scratch.dir, 'brine')
const ROA = '10.0.0.0/24 => 64496'
let krill: Krill | undefined
afterAll(async () => {
  await krill?.stop()
  scratch.remove()
})

/** What the CA wants published: names and bytes. */
function wanted(): Promise<Readonly<Record<string, string>>> {
  return openStore(dir).read(async (reader) => {
    const work = new Work(reader)
    const files = publishedFiles(caState(work, parseHandle('acme')))
    return Object.fromEntries(
      files.map(({ name, sha256 }) => [name, Buffer.from(work.object(sha256)).toString('base64')]),
    )
  })
}

/** The files that Krill serves for the CA: names and bytes. */
function served(server: Krill): Readonly<Record<string, string>> {
  const files = server.published('acme').map((name) => [name, join(server.rsyncDir, 'acme', name)] as const)
  return Object.fromEntries(files.map(([name, path]) => [name, readFileSync(path, 'base64')]))
}

/** Waits until Krill, which writes its files after it has answered, serves exactly `count` files, those that the CA wants. */
async function expectServed(server: Krill, count: number): Promise<void> {
  const files = await wanted()
  expect(Object.keys(files)).toHaveLength(count)
  const isServed = (): boolean => {
    try {
      return isDeepStrictEqual(served(server), files)
    } catch {
      // the folder was replaced while it was read
      return false
    }
  }
  expect(await server.wait(isServed)).toBe(true)
}

const states = async (): Promise<readonly string[]> => {
  const { roas } = await brineOk<{ roas: readonly { state: string }[] }>(dir, ['roa', 'list', 'acme', '--json'])
  return roas.map(({ state }) => state)
}
const sync = () => brineOk<{ changed: string; put: number; withdrawn: number }>(dir, ['repo', 'sync', 'acme', '--json'])

test('Krill serves exactly what the CA wants published, and heals after it was emptied', async (context) => {
  const programs = needKrill(context)
  await newTestbed(dir)
  krill = await Krill.start(join(scratch.dir, 'krill'), programs, { testbed: true })
  await brineOk(dir, ['ca', 'add', 'acme'])
  const [request, response] = [join(scratch.dir, 'request.xml'), join(scratch.dir, 'response.xml')]
  await brineOk(dir, ['repo', 'request', 'acme', '--out', request])
  writeFileSync(response, await krill.addPublisher('acme', readFileSync(request, 'utf8')))
  await brineOk(dir, [
    ...['repo', 'configure', 'acme', '--response', response, '--allow-private', '--tls-insecure'],
    ...['--reason', 'Krill signs its HTTPS certificate itself'],
  ])
  await brineOk(dir, ['child', 'add', 'testbed', 'acme', '--local', '--resources', '10.0.0.0/8, AS64496'])
  await brineOk(dir, ['parent', 'add', 'acme', 'testbed', '--local', '--no-sync'])
  await brineOk(dir, ['roa', 'add', 'acme', ROA, '--no-sync'])
  expect(await states()).toEqual(['pending'])
  expect(await sync()).toMatchObject({ changed: 'yes', put: 3, withdrawn: 0 })
  expect(await states()).toEqual(['published'])
  await expectServed(krill, 3)
  expect(await sync()).toMatchObject({ changed: 'no', put: 0, withdrawn: 0 })

  expect(await brineOk(dir, ['roa', 'remove', 'acme', ROA])).toMatchObject({ published: true, synced: ['acme'] })
  expect(await sync()).toMatchObject({ changed: 'no', put: 0, withdrawn: 0 })
  await expectServed(krill, 2)

  // the server forgets everything of the publisher
  await krill.run('pubserver', 'publishers', 'remove', '--publisher', 'acme')
  await krill.addPublisher('acme', readFileSync(request, 'utf8'))
  expect(await krill.wait(() => krill?.published('acme').length === 0)).toBe(true)
  expect(await sync()).toMatchObject({ changed: 'yes', put: 2, withdrawn: 0 })
  await expectServed(krill, 2)

  await brineOk(dir, ['roa', 'add', 'acme', ROA, '--no-sync'])
  expect(await states()).toEqual(['pending'])
  const { done } = await brineOk<{ done: readonly unknown[] }>(dir, ['tick', '--json'])
  expect(done).toContainEqual({ what: 'repository', on: 'acme: +3 -0 objects' })
  expect(await states()).toEqual(['published'])
  await expectServed(krill, 3)

  const [another, third] = ['10.0.1.0/24 => 64496', '10.0.2.0/24 => 64496'] as const
  await krill.stop()
  await brineOk(dir, ['roa', 'add', 'acme', another, '--no-sync'])
  expect((await runBrine(['tick', '--json'], { dataDir: dir })).code).toBe(3)
  expect((await runBrine(['roa', 'add', 'acme', third], { dataDir: dir })).code).toBe(17)
  const waiting = await runBrine(['repo', 'sync', 'acme', '--json'], { dataDir: dir })
  expect(waiting.code).toBe(17)
  expect(await states()).toEqual(['published', 'pending', 'pending'])
  await brineOk(dir, ['audit', 'verify', '--full'])
}, 300_000)
