/** `brine archive`: moves old publication commands and their events to the archive. */
import { archive } from '../core/app/operations/archive.js'
import type { ArchiveReport } from '../core/app/operations/archive-report.js'
import { openSession } from '../core/app/session/session.js'
import { BaseCommand } from '../core/cli/base-command.js'
import { EXIT_CODES } from '../core/cli/exit-codes.js'
import { flag, writeFlags } from '../core/cli/flags/flags.js'
import { changesView } from '../core/cli/output/changes.js'
import { counted } from '../core/cli/output/endings.js'
import type { Theme } from '../core/cli/output/theme.js'

export default class Archive extends BaseCommand<ArchiveReport> {
  static override summary = 'move old publication commands and their events to the archive'
  static override description =
    'Archives commands that only published (manifests, CRLs, renewals, serials) and are older than both the threshold and the backup snapshot, and objects that no other history references. A first run copies them to the archive; a run at least a day later removes the originals, so that a copy taken meanwhile is complete. The default of --older-than is archive_threshold_days; if that is not set, only what earlier runs began is finished. archived/ may then be moved or deleted: audit verify reports from which version on it could verify.'
  static override exitStatus = {
    2: 'the folder given with --to cannot be used',
    3: 'a damaged aggregate was skipped',
    14: 'a file could not be written (the next run continues)',
  }
  static override examples = [
    '<%= config.bin %> archive --older-than 90d --dry-run',
    '<%= config.bin %> archive --to /mnt/archive',
    '<%= config.bin %> archive --list',
  ]
  static override flags = {
    'older-than': flag.duration({ description: 'minimum age, 1d or more (default: archive_threshold_days)' }),
    to: flag.path({
      helpValue: 'DIR',
      description: 'archive to this directory, empty or used before, instead of archived/',
    }),
    list: flag.boolean({ description: 'show what is archived and what would be; change nothing' }),
    ...writeFlags,
  }

  protected override async execute(): Promise<ArchiveReport> {
    const { flags } = await this.parse(Archive)
    const dryRun = flags['dry-run'] || flags.list
    return archive(await openSession(this.context(flags)), { olderThan: flags['older-than'], to: flags.to, dryRun })
  }

  protected override faults(report: ArchiveReport): readonly string[] {
    return report.failed.map((f) => `${f.aggregate}: ${f.message}`)
  }

  protected override view(report: ArchiveReport, theme: Theme): string {
    const { aggregates, objects, dryRun, nextRelease } = report
    const [moved, released] = [total(report, 'moved'), total(report, 'released')]
    const lines = this.faults(report).map((line) => theme.bad(line))
    const table = theme.table({
      columns: [
        { title: 'AGGREGATE', cut: 'middle' },
        { title: 'ARCHIVED', align: 'right' },
        { title: 'KEPT', align: 'right' },
      ],
      rows: aggregates.map((a) => [`${a.kind}/${a.handle}`, a.archived - a.moved, a.kept + a.moved]),
    })
    const rows = changesView(report.changes, theme)
    lines.push(...[dryRun ? table : '', rows].filter((text) => text !== ''))
    const would = dryRun ? 'would be ' : ''
    if (moved + objects.moved > 0)
      lines.push(
        `${counted(moved, 'command')} and ${counted(objects.moved, 'object')} ${would}archived to ${report.to ?? 'archived/'}`,
      )
    if (released + objects.released > 0)
      lines.push(
        `originals of ${counted(released, 'file')} and ${counted(objects.released, 'object')} archived before ${would}removed`,
      )
    if (moved + objects.moved + released + objects.released === 0) lines.push(nothing(report))
    if (nextRelease !== null)
      lines.push(theme.dim(`a run after ${nextRelease} removes the originals of archived files`))
    return lines.join('\n')
  }

  protected override exitCode(report: ArchiveReport): number {
    return report.failed.length === 0 ? 0 : EXIT_CODES.partial
  }
}

function total(report: ArchiveReport, key: 'moved' | 'released'): number {
  return report.aggregates.reduce((sum, a) => sum + a[key], 0)
}

function nothing({ before }: ArchiveReport): string {
  return before === null
    ? 'nothing to do: archive_threshold_days is not set, and no --older-than was given'
    : `nothing older than ${before} to archive`
}
