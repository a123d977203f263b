/**
 * What the documentation of high availability implies (S), and what the tests of the product that it describes were meant to show (F, M):
 * each case with the test that shows it here. Invariant: a test that is renamed or removed is missed here.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const BREAKER = 'unit/ha/breaker'
const SELECT = 'unit/ha/select'
const CONFIG = 'unit/config/enrolment/parse'
const RECORDED = 'e2e/ha/recorded'
const LABELS = 'e2e/est/labels'

const PRIMARY = 'uses the first that is healthy, and the next when it fails, and returns by itself'
const ROUND_ROBIN = 'skips a CA that is out of service and takes it back behind the last'
const COUNTED = 'failures are counted past the threshold, each change is in history, and a success ends it all'
const CHECKED = 'a check of a healthy CA records when it was and how long it took'

type Case = readonly [id: string, what: string, ...shown: readonly (readonly [file: string, ...titles: string[]])[]]

const CASES: readonly Case[] = [
  ['F1 M1', 'active-passive uses the primary while it is healthy', [SELECT, PRIMARY]],
  ['F2 M2', 'active-passive fails over to the secondary', [SELECT, PRIMARY]],
  ['F3 M3', 'active-passive returns to the primary', [SELECT, PRIMARY]],
  ['F4 M4', 'round-robin distributes evenly', [SELECT, 'gives each its turn']],
  ['F5 M5', 'round-robin skips what is unhealthy', [SELECT, ROUND_ROBIN]],
  [
    'F6 M6',
    'all CAs unhealthy is an error that says when to come back',
    [LABELS, 'whose CAs are all out is served by nobody, says why of each and when to come back'],
  ],
  ['F7 M7', 'a health check is recorded', [RECORDED, CHECKED]],
  ['F8 M8', 'consecutive failures are counted, beyond the threshold too', [RECORDED, COUNTED]],
  ['M9', 'each transition is a state and a record', [RECORDED, COUNTED]],
  [
    'S1',
    'a first failure degrades, and the CA still serves',
    [BREAKER, 'is degraded by its first failure, and still serves'],
  ],
  ['S2', 'a success resets the count', [BREAKER, 'is healthy again after a success, with no failures']],
  [
    'S3',
    'the third failure in a row opens the circuit in one step',
    [BREAKER, 'opens through unhealthy at the third failure in a row, in one commit, and serves no more'],
  ],
  ['S4', 'a success in between keeps it degraded', [BREAKER, 'stays degraded when a success came in between']],
  [
    'S5',
    'an open circuit gets no request and no probe before its time',
    [BREAKER, 'gets no request before its time, and one probe of one process then'],
    ['e2e/ha/half-open', 'is not asked before its time, and once by twenty processes then'],
  ],
  [
    'S6',
    'exactly one probe at its time, whose success closes it',
    [BREAKER, 'closes when the probe succeeds, and starts from the first open time again'],
    ['e2e/est/race', 'a CA that is half open is asked once by ten enrolments and ten probes'],
  ],
  [
    'S7',
    'a failed probe doubles the wait, a success ends that',
    [
      BREAKER,
      'waits 60, 120, 240, 480, 900, 900 seconds, and up to a tenth more',
      'closes when the probe succeeds, and starts from the first open time again',
    ],
  ],
  [
    'S8',
    'an override closes only what passes a check',
    [BREAKER, 'is resumed before its time only by a check that passes'],
  ],
  [
    'S9',
    'the order of ca_ids counts and not the CA of the label; the third serves when two are open',
    [LABELS, 'of a group is served in the order of the group, whichever of its CAs it names'],
    [SELECT, PRIMARY],
  ],
  ['S10', 'fail-back is automatic', [SELECT, PRIMARY], ['e2e/est/example-active-passive', 'is served as documented']],
  [
    'S11',
    'round-robin of three, of two, of three again',
    [SELECT, 'gives each its turn', ROUND_ROBIN],
    ['e2e/est/example-round-robin', 'three CAs, round-robin, serve as documented'],
  ],
  [
    'S12',
    'weights are exact, 0 is never, a failed weight is shared out',
    [
      SELECT,
      'follows smooth weighted round-robin (case %#)',
      'never uses weight 0, even when no other CA is left',
      'shares 60/30/10 without the first as 75/25',
      'starts from 0 with new weights: the steps of a migration',
    ],
  ],
  [
    'S13',
    'the lowest average serves, what failed is infinitely slow, all failed is an error',
    [
      SELECT,
      'uses the fastest by probes, and a CA that was never measured last',
      'stays with the last CA until another is faster by a fifth',
      'treats a failed CA as infinitely slow',
    ],
    ['e2e/est/example-latency', 'two CAs, latency-based, serve as documented'],
  ],
  [
    'S14',
    'a strategy of a group overrides the global one',
    [CONFIG, 'give a group the global strategy, unless it has its own'],
  ],
  [
    'S15',
    'what makes no sense in the configuration is refused',
    [
      CONFIG,
      'an unknown CA in a group',
      'a group twice',
      'a weight for a stranger',
      'a negative weight',
      'weights that are all 0',
      'an empty group',
      'a check that outlasts the interval',
      'a duration without a unit',
    ],
  ],
  [
    'S16',
    'a label of a CA in no group is served by it alone',
    [LABELS, 'of a CA that stands in no group is served by it alone, and never by another'],
  ],
  ['S17', 'a group may mix kinds of CAs', ['e2e/est/example-active-passive', 'is served as documented']],
  ['S18', 'the state outlives the process', [RECORDED, COUNTED]],
  [
    'S19',
    'weights that change between two commands count at the next',
    ['e2e/est/example-migration', 'an old and a new CA, weighted, serve as documented'],
  ],
  [
    'S20',
    'a certificate records who issued it',
    ['e2e/est/example-round-robin', 'three CAs, round-robin, serve as documented'],
  ],
  [
    'S21',
    'CAs of different roots in one group are warned of',
    ['e2e/ha/ha', 'warns of files that are not there and of groups without a common root, with their lines'],
  ],
]

describe('what the documentation implies', () => {
  it.each(CASES)('%s: %s', (_id, _what, ...shown) => {
    expect(shown.length).toBeGreaterThan(0)
    for (const [file, ...titles] of shown) {
      const text = readFileSync(join(import.meta.dirname, '../..', `${file}.test.ts`), 'utf8')
      for (const title of titles) expect(text).toContain(`'${title}'`)
    }
  })
})
