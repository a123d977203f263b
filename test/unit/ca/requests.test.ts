/** What a CA must ask of a parent follows from its state alone. */
import { describe, expect, it } from 'vitest'
import { parseHandle } from '../../../src/core/base/handle.js'
import { openRequests } from '../../../src/core/ca/state/requests.js'
import { type CaState, type ClassKey, type ResourceClass, withClass } from '../../../src/core/ca/state/state.js'
import { EMPTY_POINT } from '../../../src/core/issuing/point.js'
import { chainOf, emptyWorld } from '../../support/rpki/small-world.js'

const TA = parseHandle('ta')
const SKIS = { pending: 'B', new: 'C', old: 'D' } as const

/** Returns a CA with one class below `ta`, whose class has further keys in these states. */
async function withKeys(...states: readonly (keyof typeof SKIS)[]): Promise<CaState> {
  const world = emptyWorld()
  await chainOf(world, ['acme', '192.0.2.0/24'])
  return withClass(world.ca('acme'), '0', (own: ResourceClass) => {
    const certificate = own.keys[0]?.certificate ?? null
    const more = states.map((state): ClassKey => {
      const ski = SKIS[state].repeat(40) as ClassKey['ski']
      return { state, ski, spki: '', certificate: state === 'pending' ? null : certificate, point: EMPTY_POINT }
    })
    return { ...own, keys: [...more, ...own.keys] }
  })
}

const asked = (...args: Parameters<typeof openRequests>): readonly string[] =>
  openRequests(...args).map((r) => `${r.kind} ${r.class} ${r.ski[0]}`)

describe('openRequests', () => {
  it('is empty where every key has its certificate', async () => {
    expect(asked(await withKeys('new'), TA)).toEqual([])
  })

  it('asks for a certificate for a key that has none, and for the revocation of a key that was given up', async () => {
    const state = await withKeys('old', 'pending')
    expect(asked(state, TA)).toEqual(['issue 0 B', 'revoke 0 D'])
    expect(asked(state, TA)).toEqual(asked(state, TA))
  })

  it('asks again for each key whose certificate differs, but not for one that was given up', async () => {
    const state = await withKeys('new', 'old')
    const current = state.classes['0']?.keys.at(-1)?.ski[0]
    expect(asked(state, TA, () => true)).toEqual(['issue 0 C', `issue 0 ${current}`, 'revoke 0 D'])
    expect(asked(state, TA, (_, { state: is }) => is === 'new')).toEqual(['issue 0 C', 'revoke 0 D'])
  })

  it('has nothing for another parent, without a repository, and of a removed CA', async () => {
    const state = await withKeys('old', 'pending')
    expect(asked(state, parseHandle('other'))).toEqual([])
    expect(asked({ ...state, repository: null }, TA)).toEqual([])
    expect(asked({ ...state, status: 'removed' }, TA)).toEqual([])
  })
})
