/** Renders the report of a recovery: comment lines, and between them lines that `brine roa update --file -` accepts. */
import type { Loss } from '../../app/recovery/losses.js'
import type { RecoveredAggregate, RecoverReport, RepairedFile } from '../../app/recovery/report.js'
import { counted } from '../output/endings.js'
import type { Theme } from '../output/theme.js'

/** Renders the report. Every line except those of ROAs begins with `#`, so that the output can be piped. */
export function recoveryView(report: RecoverReport, theme: Theme): string {
  const { commits, dryRun, serial, generation, loses } = report
  const lines = [
    ...commits.rebuilt.map((n) => `# commit ${n}: rebuilt from its command records`),
    ...commits.replaced.map((n) => `# commit ${n}: restored from a copy`),
    ...(commits.lostFrom === null
      ? []
      : [theme.bad(`# commits from ${commits.lostFrom} on cannot be verified and are lost`)]),
    ...report.aggregates.flatMap((a) => aggregateLines(a, theme)),
    ...report.archives.replaced.map((file) => `# ${file}: restored from a copy`),
    ...report.archives.rebuilt.map(
      (file) => `# ${file}: rebuilt from the records of archived commands; give folders elsewhere with --archive`,
    ),
    ...report.objects.corrupt.map((file) => `# corrupt: ${file}`),
    ...report.objects.replaced.map((sha256) => `# object ${sha256}: restored from a copy`),
    ...report.objects.missing.map(
      (sha256) => `# object ${sha256}: missing, ${dryRun ? 'would be' : 'was'} issued again`,
    ),
    ...report.objects.lost.map(({ aggregate, what }) =>
      theme.bad(`# ${aggregate} ${what}: content lost; restore it with --from`),
    ),
    ...report.keys.replaced.map((id) => `# key ${id}: restored from a copy`),
    ...report.keys.missing.map((id) => theme.bad(`# key ${id} is lost; restore it with --from, or roll the key`)),
    ...(report.served ? [`# the published tree ${dryRun ? 'would be' : 'was'} rewritten`] : []),
    ...report.failed.map((f) => theme.bad(`# ${f.aggregate}: ${f.message}`)),
    ...report.orphans.map((handle) => theme.bad(`# ${handle}: its parent no longer lists it as a child`)),
  ]
  if (!report.changed) return [...lines, report.failed.length > 0 ? '# nothing changed' : '# nothing to do'].join('\n')
  const published = serial === null ? '' : `; published, serial ${serial} of a new RRDP session`
  const what = loses
    ? `generation ${generation}, manifest and CRL numbers advanced${published}`
    : theme.paste(historyKept(report))
  return [...lines, dryRun ? '# dry run, nothing changed' : `# recovered; ${what}`].join('\n')
}

/** Returns what a recovery that lost no command has kept: files of history may be gone although no state needs them. */
function historyKept({ aggregates, objects }: RecoverReport): string {
  const gone = aggregates.flatMap((a) => a.gone)
  if (gone.length > 0) {
    const files = gone.length === 1 ? 'a file of history is' : `${gone.length} files or ranges of history are`
    return `every state is kept; ${files} lost: brine recover --from BACKUP restores what a backup has`
  }
  return objects.lost.length > 0 ? 'no command is lost' : 'nothing is lost'
}

function aggregateLines(a: RecoveredAggregate, theme: Theme): readonly string[] {
  const name = `${a.kind}/${a.handle}`
  const from = a.snapshot === null ? 'replayed from the first event' : `from the snapshot of version ${a.snapshot}`
  const commands = a.lost.filter((l) => l.type === 'command')
  const state =
    commands.length === 0
      ? `# ${name}: state of version ${a.toVersion} kept, ${from}`
      : theme.bad(
          `# ${name}: ${counted(commands.length, 'command')} lost, back to version ${a.toVersion} of ${a.fromVersion}, ${from}`,
        )
  const roas = a.lost.flatMap((l) => (l.type === 'roa' ? [l.line] : []))
  return [
    state,
    ...a.corrupt.map((file) => `#   corrupt: ${file}`),
    ...a.surplus.map((file) => theme.dim(`#   surplus: ${file}`)),
    ...a.repaired.map((repaired) => `#   ${repairedText(repaired)}`),
    ...a.gone.map((file) => `#   lost, but not needed for the state: ${file}`),
    ...a.lost.flatMap(lossLine),
    ...(roas.length === 0 ? [] : [theme.paste(`# brine roa update ${a.handle} --file - takes these lines`), ...roas]),
  ]
}

function repairedText({ file, how, from }: RepairedFile): string {
  switch (how) {
    case 'rebuilt':
      return `rebuilt: ${file}`
    case 'copied':
      return `restored from a copy: ${file}`
    case 'archived':
      return `restored from an archive: ${file}`
    case 'put-back':
      return `put back: ${file}, from ${from}`
  }
}

function lossLine(lost: Loss): readonly string[] {
  switch (lost.type) {
    case 'command': {
      const what =
        lost.command === null ? 'its record cannot be read' : `${lost.command} of ${lost.at} by ${lost.actor}`
      return [`#   lost: command ${lost.sequence}, ${what}`]
    }
    case 'roa':
      return []
    case 'dates':
      return [`#   ${lost.back ? 'back again' : 'lost'}: ROA ${lost.roa} ${lost.dates}`]
    case 'aspa':
      return [`#   ${lost.back ? 'back again' : 'lost'}: ASPA ${lost.aspa}`]
    case 'router':
      return [`#   ${lost.back ? 'back again' : 'lost'}: router key ${lost.router}`]
    case 'child':
      return [`#   ${lost.back ? 'back again' : 'lost'}: child ${lost.child}`]
    case 'certificate':
    case 'request':
    case 'password':
      return [`#   ${lost.back ? 'back again' : 'lost'}: ${lost.type} ${lost.id}${lost.note}`]
    case 'revocation':
      return [`#   lost: certificate ${lost.id} is no longer known to be revoked${lost.note}`]
    case 'key':
      return [`#   ${lost.back ? 'back again' : 'lost'}: key ${lost.ski}`]
  }
}
