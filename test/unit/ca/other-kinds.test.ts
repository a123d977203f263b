/** Objects of a kind that this CA does not issue: neither a child certificate nor a ROA, and an unknown kind is an error. */
import { beforeAll, describe, expect, test } from 'vitest'
import { addSeconds, type Instant } from '../../../src/core/base/time.js'
import { ca } from '../../../src/core/ca/aggregate.js'
import { dueTimes } from '../../../src/core/ca/publishing.js'
import type { CaState } from '../../../src/core/ca/state/state.js'
import type { Sha256 } from '../../../src/core/crypto/ports.js'
import { DEFAULT_TIMING } from '../../../src/core/issuing/timing.js'
import { chainOf, emptyWorld, START } from '../../support/rpki/small-world.js'

const DAY = 86_400
/** Ends long before the manifest is due, so that its margin alone decides. */
const END = addSeconds(START, 100 * DAY)
const TIMING = {
  ...DEFAULT_TIMING,
  roaReissueSeconds: 500 * DAY,
  childReissueSeconds: 1000 * DAY,
  aspaReissueSeconds: 200 * DAY,
}

let published: CaState

beforeAll(async () => {
  const world = emptyWorld()
  await chainOf(world, ['acme', '192.0.2.0/24'])
  published = world.ca('acme')
})

/** The state with one more object that is valid until `END`, its own certificate valid for ever. */
function having(name: string): CaState {
  const object = { sha256: '00'.repeat(32) as Sha256, size: 1, serial: '01', notAfter: END, content: '' }
  const classes = Object.entries(published.classes).map(([className, found]) => {
    const keys = found.keys.map((key) => ({
      ...key,
      certificate:
        key.certificate === null ? null : { ...key.certificate, notAfter: '2199-01-01T00:00:00Z' as Instant },
      point: { ...key.point, objects: { ...key.point.objects, [name]: object } },
    }))
    return [className, { ...found, keys }] as const
  })
  return { ...published, classes: Object.fromEntries(classes) }
}

describe('an .asa object among the objects of a CA', () => {
  test('is due by the margin of its own kind', () => {
    expect(dueTimes(having('AS64496.asa'), TIMING)?.due).toBe(addSeconds(END, -200 * DAY))
    expect(dueTimes(having('AS64496.roa'), TIMING)?.due).toBe(addSeconds(END, -500 * DAY))
    expect(dueTimes(having(`${'A'.repeat(40)}.cer`), TIMING)?.due).toBe(addSeconds(END, -1000 * DAY))
  })

  test('stands beside the ROAs in the digest, which is the same as before without one', () => {
    const namesIn = (name?: string) => {
      const { classes } = ca.logical(name === undefined ? published : having(name)) as {
        classes: [string, unknown[]][]
      }
      return (classes as unknown as unknown[][]).flatMap((own) => (own[4] as unknown[][]).map((key) => key.slice(2)))
    }
    expect(namesIn()).toEqual([[[]]])
    expect(namesIn('AS64496.roa')).toEqual([[['AS64496.roa']]])
    expect(namesIn('AS64496.asa')).toEqual([[[], ['AS64496.asa']]])
  })
})

describe('an object of a kind that is not declared', () => {
  test.each(['AS64496.xyz', 'AS64496', '.roa', 'x.roa.gz'])('is an error: %s', (name) => {
    const unknown = expect.objectContaining({ kind: 'corrupt', code: 'object-kind-unknown' })
    expect(() => dueTimes(having(name), TIMING)).toThrow(unknown)
    expect(() => ca.logical(having(name))).toThrow(unknown)
  })
})
