/** The last line of a recovery: what it kept, and what a backup could still give back. */
import { expect, it } from 'vitest'
import type { RecoverReport } from '../../../../src/core/app/recovery/report.js'
import { parseHandle } from '../../../../src/core/base/handle.js'
import { plainTheme } from '../../../../src/core/cli/output/theme.js'
import { recoveryView } from '../../../../src/core/cli/views/recovery.js'

const ROW: RecoverReport['aggregates'][number] = {
  kind: 'ca',
  handle: parseHandle('acme'),
  fromVersion: 21,
  toVersion: 21,
  sequence: 10,
  snapshot: 20,
  corrupt: ['cas/acme/event-9.json'],
  surplus: [],
  replaced: [],
  repaired: [],
  gone: [],
  lost: [],
}

function linesOf(row: Partial<typeof ROW>): readonly string[] {
  const { gone = [] } = row
  const report: RecoverReport = {
    aggregates: [{ ...ROW, ...row }],
    commits: { rebuilt: [], replaced: [], corrupt: [], lostFrom: null },
    archives: { replaced: [], rebuilt: [] },
    objects: { corrupt: [], replaced: [], missing: [], lost: [] },
    served: false,
    keys: { replaced: [], missing: [] },
    failed: [],
    orphans: [],
    generation: 1,
    serial: null,
    loses: false,
    losesHistory: gone.length > 0,
    changed: true,
    dryRun: false,
    lossKey: '',
  }
  return recoveryView(report, plainTheme).split('\n')
}

it.each([
  [[], '# recovered; nothing is lost'],
  [
    ['event-9.json'],
    '# recovered; every state is kept; a file of history is lost: brine recover --from BACKUP restores what a backup has',
  ],
  [
    ['event-9.json', 'command-3.json to command-4.json'],
    '# recovered; every state is kept; 2 files or ranges of history are lost: brine recover --from BACKUP restores what a backup has',
  ],
])('with %j gone', (gone, line) => expect(linesOf({ gone }).at(-1)).toBe(line))

it.each([
  ['rebuilt', null, 'rebuilt: cas/acme/f.json'],
  ['copied', null, 'restored from a copy: cas/acme/f.json'],
  ['archived', null, 'restored from an archive: cas/acme/f.json'],
  ['put-back', 'cas/acme/surplus/f.json.1', 'put back: cas/acme/f.json, from cas/acme/surplus/f.json.1'],
] as const)('a file that was %s', (how, from, line) => {
  expect(linesOf({ repaired: [{ file: 'cas/acme/f.json', how, from }] })).toContain(`#   ${line}`)
})
