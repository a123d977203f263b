/** Key rolls in words. */
import type { RetiredKeyRow, RollRow } from '../../app/authority/roll-rows.js'
import type { Instant } from '../../base/time.js'
import type { Theme } from '../output/theme.js'

/** Returns the stage of a roll and what comes next, in one line; `now`: left out after a change, whose times are ahead. */
export function rollText(row: RollRow, now?: Instant): string {
  const { stage, startedAt, activatesAt, allowedAt, lacking, compromised, waitsFor, parent } = row
  const why = compromised ? 'compromised, ' : ''
  if (stage === 'none') return 'none'
  if (stage === 'pending') return `${why}the new key waits for its certificate from the parent, which tick requests`
  // without a roll a key is given up only by a cancellation
  if (stage === 'old' && startedAt === null)
    return 'cancelled, the new key waits to be revoked by the parent, which tick requests'
  if (stage === 'old' && waitsFor === 'repository')
    return 'the old key stays until the repository has confirmed what the new one issued, which tick sends'
  if (stage === 'old') return `${why}the old key waits to be revoked by the parent, which tick requests`
  if (lacking !== null) return `staged, its certificate lacks ${lacking}`
  if (waitsFor === 'repository') return 'staged, to be confirmed by the repository'
  if (waitsFor === 'parent-repository') return `staged, its certificate to be confirmed by the repository of ${parent}`
  const hasCome = (at: Instant | null): boolean => now !== undefined && at !== null && at <= now
  if (activatesAt === null)
    return hasCome(allowedAt) ? 'staged, can be activated now' : `staged, to be activated from ${allowedAt}`
  return hasCome(activatesAt)
    ? 'staged, due now: the next tick activates it'
    : `staged, tick activates it at ${activatesAt}`
}

/** Returns the keys of the classes as a table. */
export function rollTable(rolls: readonly RollRow[], theme: Theme): string {
  return theme.table({
    columns: [
      { title: 'CA', rank: 3, cut: 'middle' },
      { title: 'CLASS', rank: 3 },
      { title: 'PARENT', cut: 'middle' },
      { title: 'KEY', rank: 1 },
      { title: 'STATE', rank: 3 },
      { title: 'MANIFEST', align: 'right' },
      { title: 'STALE AT', cut: 'time' },
      { title: 'CERTIFICATE UNTIL', cut: 'time' },
    ],
    rows: rolls.flatMap((row) =>
      row.keys.map((key) => [
        row.ca,
        row.class,
        row.parent,
        key.ski,
        key.state,
        key.manifestNumber,
        key.nextUpdate ?? '-',
        key.notAfter ?? '-',
      ]),
    ),
  })
}

/** Returns `; from rsync://… to rsync://…` for a roll whose keys publish in two repositories. */
function placesText({ keys }: RollRow): string {
  const bases = [...new Set(keys.map(({ repository }) => repository))]
  return bases.length < 2 ? '' : `; from ${bases[0]} to ${bases[1]}`
}

/** Returns one line for each open roll and each retired key. */
export function rollLines(
  rolls: readonly RollRow[],
  retired: readonly RetiredKeyRow[],
  now?: Instant,
): readonly string[] {
  const destroyed = (at: Instant): string =>
    now !== undefined && at <= now ? 'due now: the next tick destroys it' : `destroyed by tick from ${at}`
  return [
    ...rolls
      .filter(({ stage }) => stage !== 'none')
      .map((row) => `${row.ca} class ${row.class}: ${rollText(row, now)}${placesText(row)}`),
    ...retired.map(({ ca, ski, destroysAt }) => `${ca}: retired key ${ski}, ${destroyed(destroysAt)}`),
  ]
}
