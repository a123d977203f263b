/** What no notification lists any more goes after its time, whoever left it, at a cost that does not grow with what is kept. */
import fs from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { deltaPath, snapshotPath } from '../../../src/core/publication/rrdp.js'
import { filesBelow } from '../../../src/core/publication/served-files.js'
import { quickDisk, type Site, siteWith } from './target.js'

const sites: Site[] = []
const open = async (): Promise<Site> => {
  const site = await siteWith('acme')
  sites.push(site)
  return site
}
afterEach(() => {
  vi.restoreAllMocks()
  for (const site of sites.splice(0)) site.remove()
})

let text = 0
async function publish(site: Site, times = 1): Promise<void> {
  for (let n = 0; n < times; n++) {
    text += 1
    await site.desire('acme', { 'a.roa': `${text}` })
    site.write({ disk: quickDisk })
  }
}

const listed = ({ server: { state } }: Site): readonly string[] =>
  [snapshotPath(state), ...state.deltas.map((delta) => deltaPath(state, delta))].sort()
const there = (site: Site): readonly string[] =>
  filesBelow(join(site.repoDir, 'rrdp')).filter((path) => path !== 'notification.xml')

function plant(site: Site, path: string): string {
  const full = join(site.repoDir, 'rrdp', path)
  fs.mkdirSync(dirname(full), { recursive: true })
  fs.writeFileSync(full, 'left by a run that died')
  return path
}

describe('files that nothing lists', () => {
  it('are all gone once their time has passed, over many publications', async () => {
    const site = await open()
    for (let n = 0; n < 30; n++) {
      await publish(site)
      site.later(1000)
    }
    site.later(7200)
    await publish(site)
    site.later(7200)
    await publish(site)
    const gone = there(site).filter((path) => !listed(site).includes(path))
    // the last but one snapshot alone is younger than two hours
    expect(gone).toHaveLength(1)
    expect(listed(site).every((path) => there(site).includes(path))).toBe(true)
  })

  it.each([
    ['in a folder of a serial that nobody lists', () => 'other-session/7/part/snapshot.xml'],
    ['beside the serials', (site: Site) => `${site.server.state.sessionId}/stray`],
    ['beside the sessions', () => 'stray-folder/stray'],
  ])('go when a dead run left them %s, two hours after they are found', async (_, place) => {
    const site = await open()
    await publish(site)
    const stray = plant(site, place(site))
    await publish(site)
    site.later(7199)
    await publish(site)
    expect(there(site)).toContain(stray)
    site.later(1)
    await publish(site)
    expect(there(site)).not.toContain(stray)
  })

  it('go with the serial when a dead run left them in the folder of one that is still listed', async () => {
    const site = await open()
    await publish(site)
    const stray = plant(site, join(dirname(snapshotPath(site.server.state)), '..', 'died', 'snapshot.xml'))
    await publish(site)
    await site.server.run({ type: 'session.reset' })
    for (let n = 0; n < 4; n++) {
      site.later(7200)
      await publish(site)
    }
    expect(there(site)).not.toContain(stray)
  })

  it('are found in a listed folder too when the record is lost', async () => {
    const site = await open()
    await publish(site)
    const stray = plant(site, join(dirname(snapshotPath(site.server.state)), '..', 'died', 'snapshot.xml'))
    fs.rmSync(join(site.repoDir, '.state', 'rrdp.json'))
    await publish(site)
    site.later(7200)
    await publish(site)
    expect(there(site)).not.toContain(stray)
  })

  it('cost no more folders to open however many are kept', async () => {
    const site = await open()
    const opened = async (): Promise<number> => {
      const spy = vi.spyOn(fs, 'readdirSync')
      await publish(site)
      const rrdp = spy.mock.calls.filter(([path]) => String(path).includes('/rrdp')).length
      spy.mockRestore()
      return rrdp
    }
    await publish(site, 3)
    const few = await opened()
    await publish(site, 30)
    expect(await opened()).toBe(few)
  })
})
