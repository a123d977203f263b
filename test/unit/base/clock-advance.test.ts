/** A clock far ahead of the last record: idle, synchronised, or wrong. */
import { describe, expect, it } from 'vitest'
import { type Boot, type ClockRecord, type ClockSigns, judgeAdvance } from '../../../src/core/base/clock-advance.js'
import { addSeconds, type Instant } from '../../../src/core/base/time.js'

const DAY = 86_400
const NOW = '2026-12-03T12:00:00Z' as Instant
const LAST = addSeconds(NOW, -2 * DAY)
const boot = (uptime: number, id = 'one'): Boot => ({ id, uptime })
const recorded = (at: Instant, seen: Boot | null = boot(1000)): ClockRecord => ({ at, boot: seen, fixed: false })

interface Machine {
  readonly boot?: Boot
  readonly kernel?: Instant
  readonly synchronized?: boolean
}

const signsOf = ({ boot: seen, kernel, synchronized = false }: Machine): ClockSigns => ({
  boot: () => seen,
  kernelTime: () => kernel,
  isSynchronized: async () => synchronized,
})
const judge = async (record: ClockRecord | undefined, machine: Machine): Promise<boolean> =>
  (await judgeAdvance({ now: NOW, last: LAST, record }, signsOf(machine))).plausible

describe('a clock that is two days beyond the last record', () => {
  it.each<[string, ClockRecord | undefined, Machine, boolean]>([
    ['the machine ran for as long', recorded(LAST), { boot: boot(1000 + 2 * DAY) }, true],
    ['it ran for an hour less', recorded(LAST), { boot: boot(1000 + 2 * DAY - 3600) }, true],
    ['it ran for more than an hour less', recorded(LAST), { boot: boot(1000 + 2 * DAY - 3601) }, false],
    ['it ran for five minutes', recorded(LAST), { boot: boot(1300) }, false],
    ['the last tick was five minutes ago', recorded(addSeconds(NOW, -300)), { boot: boot(1300) }, true],
    ['it ran for longer than the clock says', recorded(LAST), { boot: boot(1000 + 9 * DAY) }, false],
    [
      'it ran for five minutes and has synchronised since',
      recorded(LAST),
      { boot: boot(1300), synchronized: true },
      true,
    ],
    ['it was started again', recorded(LAST), { boot: boot(2 * DAY, 'two') }, false],
    ['it was started again and is synchronised', recorded(LAST), { boot: boot(60, 'two'), synchronized: true }, true],
    ['its uptime went back (a container)', recorded(LAST), { boot: boot(999) }, false],
    ['nothing was recorded', undefined, { boot: boot(5000) }, false],
    ['nothing was recorded, and it is synchronised', undefined, { boot: boot(5000), synchronized: true }, true],
    ['the record has no boot', recorded(LAST, null), { boot: boot(5000) }, false],
    ['the system tells nothing', recorded(LAST), {}, false],
    [
      'the process has another clock than the synchronised system',
      recorded(LAST),
      { boot: boot(1000 + 2 * DAY), kernel: LAST, synchronized: true },
      false,
    ],
    [
      'the kernel agrees within a minute',
      recorded(LAST),
      { boot: boot(60, 'two'), kernel: addSeconds(NOW, -60), synchronized: true },
      true,
    ],
  ])('%s', async (_, record, machine, plausible) => {
    expect(await judge(record, machine)).toBe(plausible)
  })

  it('says how far the clock went and how long the machine ran', async () => {
    const { why } = await judgeAdvance({ now: NOW, last: LAST, record: recorded(LAST) }, signsOf({ boot: boot(1300) }))
    expect(why).toContain('the clock advanced by 2d while the machine ran for 5m')
  })

  it('asks the system only where the machine does not settle it', async () => {
    const signs = {
      ...signsOf({ boot: boot(1000 + 2 * DAY) }),
      isSynchronized: () => Promise.reject(new Error('asked')),
    }
    expect((await judgeAdvance({ now: NOW, last: LAST, record: recorded(LAST) }, signs)).plausible).toBe(true)
  })
})
