/** `brine audit export`: writes the complete history to one file that can be verified anywhere. */
import { type ExportReport, exportHistory } from '../../core/app/proof/export.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { archiveFlags, flag } from '../../core/cli/flags/flags.js'
import { counted } from '../../core/cli/output/endings.js'

export default class AuditExport extends BaseCommand<ExportReport> {
  static override summary = 'write the complete history to one file'
  static override description =
    'JSON lines in chronological order: the exact text of each file of history with its hash, no private keys. audit verify FILE verifies it on another machine.'
  static override exitStatus = {
    2: 'the file exists',
    12: 'history is damaged',
    14: 'the file could not be written',
  }
  static override examples = [
    '<%= config.bin %> audit export --out history.jsonl',
    '<%= config.bin %> audit export --objects --archive /mnt/archive --out history.jsonl',
  ]
  static override flags = {
    out: flag.path({ required: true, description: 'file to create, mode 0600' }),
    objects: flag.boolean({ description: 'include the published objects' }),
    ...archiveFlags,
  }

  protected override async execute(): Promise<ExportReport> {
    const { flags } = await this.parse(AuditExport)
    const session = await openSession({ ...this.context(flags), archives: flags.archive ?? [] })
    return exportHistory(session, flags.out, { objects: flags.objects === true })
  }

  protected override view(report: ExportReport): string {
    const { out, bytes, commits, objects, complete } = report
    const parts = [counted(commits, 'commit'), ...(objects === 0 ? [] : [counted(objects, 'object')]), `${bytes} bytes`]
    const gap = complete ? '' : '\nincomplete: files archived elsewhere are missing; include them with --archive DIR'
    return `written to ${out}: ${parts.join(', ')}${gap}`
  }
}
