/** `brine clean`: removes what interrupted commands, recoveries, upgrades and restores left behind. */
import { type CleanReport, clean } from '../core/app/operations/clean.js'
import { openSession } from '../core/app/session/session.js'
import { BaseCommand } from '../core/cli/base-command.js'
import { archiveFlags, confirmFlags, flag, writeFlags } from '../core/cli/flags/flags.js'
import { changesView } from '../core/cli/output/changes.js'
import { counted } from '../core/cli/output/endings.js'
import type { Theme } from '../core/cli/output/theme.js'

export default class Clean extends BaseCommand<CleanReport> {
  static override summary = 'remove garbage: surplus/, corrupt/, old trees, orphans'
  static override description =
    'Removes files in surplus/ and corrupt/, trees that upgrade and restore --replace kept, private keys that no state and no snapshot references, objects that no event references, and temporary files of interrupted commands. Never removes what a commit references, what a damaged aggregate may need, or objects while part of the history is archived elsewhere. Afterwards upgrade --undo is not possible.'
  static override exitStatus = {
    11: 'conflict with another command',
    14: 'something could not be removed',
  }
  static override examples = ['<%= config.bin %> clean --dry-run', '<%= config.bin %> clean --older-than 90d --yes']
  static override flags = {
    'older-than': flag.duration({ description: 'minimum age, 1d or more (default 30d)' }),
    ...archiveFlags,
    ...writeFlags,
    ...confirmFlags,
  }

  protected override async execute(): Promise<CleanReport> {
    const { flags } = await this.parse(Clean)
    const session = await openSession({ ...this.context(flags), archives: flags.archive ?? [] })
    const olderThan = flags['older-than']
    const preview = await clean(session, { olderThan, dryRun: true })
    if (flags['dry-run'] || preview.removed.length === 0) return { ...preview, dryRun: flags['dry-run'] }
    await this.confirm(`${sumOf(preview)} will be removed permanently`, flags)
    return clean(session, { olderThan, only: preview.removed })
  }

  protected override view(report: CleanReport, theme: Theme): string {
    const { removed, kept, before, dryRun } = report
    const lines = [...kept.map((line) => theme.dim(`kept: ${line}`)), changesView(report.changes, theme)].filter(
      (line) => line !== '',
    )
    if (removed.length === 0) return [...lines, `nothing older than ${before} to remove`].join('\n')
    return [...lines, dryRun ? `would remove ${sumOf(report)}; nothing changed` : `removed ${sumOf(report)}`].join('\n')
  }
}

const WORDS = {
  surplus: ['surplus file', 'surplus files'],
  corrupt: ['corrupt file', 'corrupt files'],
  tree: ['old tree', 'old trees'],
  key: ['orphan key', 'orphan keys'],
  object: ['orphan object', 'orphan objects'],
  passing: ['unfinished file', 'unfinished files'],
} as const

function sumOf({ kinds, bytes }: CleanReport): string {
  const parts = (Object.keys(WORDS) as (keyof typeof WORDS)[]).flatMap((kind) => {
    const n = kinds[kind] ?? 0
    return n === 0 ? [] : [counted(n, WORDS[kind][0], WORDS[kind][1])]
  })
  return `${parts.join(', ')}, ${counted(bytes, 'byte')}`
}
