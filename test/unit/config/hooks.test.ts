/** The section [hooks]: documented keys, defaults, faults with their lines, and nothing used if there is one. */
import { describe, expect, it } from 'vitest'
import { HOOKS_SECTIONS } from '../../../src/core/config/hooks/keys.js'
import { NO_HOOKS, OUTCOMES } from '../../../src/core/config/hooks/schema.js'
import { configDigest, loadConfig, loadUsableConfig } from '../../../src/core/config/load.js'
import { parseConfig } from '../../../src/core/config/parse.js'
import { configTemplate } from '../../../src/core/config/template.js'

const VALID = '[hooks]\nprogram = "/n"\non = ["stale-soon", "tick-failed"]\n'
const faultsOf = async (text: string) =>
  (await parseConfig(text)).sectionFaults.map(({ line, message }) => `${line}: ${message}`)

describe('the section [hooks]', () => {
  it('names a program, outcomes and a time, and is no part of the digest', async () => {
    const loaded = await loadConfig(`${VALID}timeout = "1m"\n`, 'brine.toml')
    expect(loaded.hooks).toEqual({ program: '/n', on: ['tick-failed', 'stale-soon'], timeout: 60, disabled: null })
    const empty = await loadConfig('', 'brine.toml')
    expect(empty.hooks).toEqual(NO_HOOKS)
    expect(configDigest(loaded)).toBe(configDigest(empty))
  })

  it.each([
    ['no program', '[hooks]\non = ["tick-failed"]\n'],
    ['a relative program', VALID.replace('/n', 'n')],
    ['no outcome', '[hooks]\nprogram = "/n"\n'],
    ['an empty list', VALID.replace(/\[".*\]/, '[]')],
    ['an unknown outcome', VALID.replace('stale-soon', 'stale')],
    ['an unknown key', `${VALID}programs = "/n"\n`],
    ['no time', `${VALID}timeout = "0s"\n`],
    ['too much time', `${VALID}timeout = "301s"\n`],
  ])('with %s is a fault, and is not used', async (_, text) => {
    expect(await faultsOf(text)).toHaveLength(1)
    expect((await loadUsableConfig(text, 'brine.toml')).hooks).toEqual({
      ...NO_HOOKS,
      disabled: expect.stringMatching(/^line \d: /),
    })
    await expect(loadConfig(text, 'brine.toml')).rejects.toMatchObject({ code: 'config-invalid' })
  })

  it('is documented: every key and every outcome, in the template too', async () => {
    const [section] = HOOKS_SECTIONS
    expect(section?.keys.map(({ name }) => name)).toEqual(['program', 'on', 'timeout'])
    expect(section?.keys[1]?.about).toContain(OUTCOMES.join(', '))
    const text = (section?.keys ?? []).map(({ name, example }) => `${name} = ${example}\n`).join('')
    expect(await faultsOf(`[hooks]\n${text}`)).toEqual([])
    expect(configTemplate()).toContain('#[hooks]')
  })
})
