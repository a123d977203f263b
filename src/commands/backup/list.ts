/** `brine backup list`: lists the backups in a folder. */
import { type BackupListReport, listBackups } from '../../core/app/backup/catalog.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg } from '../../core/cli/flags/flags.js'
import type { Theme } from '../../core/cli/output/theme.js'

export default class BackupList extends BaseCommand<BackupListReport> {
  static override summary = 'list the backups in a folder, newest first'
  static override description =
    'Recognises backups by the names that backup create gives; no file is opened. Needs no data directory.'
  static override examples = ['<%= config.bin %> backup list /var/backups/brine']
  static override args = { folder: arg.path({ required: true, description: 'the folder with the backups' }) }

  static override opensDataDir = false

  protected override async execute(): Promise<BackupListReport> {
    const { args } = await this.parse(BackupList)
    return listBackups(args.folder)
  }

  protected override view(report: BackupListReport, theme: Theme): string {
    if (report.backups.length === 0) return `no backups in ${report.folder}`
    return theme.table({
      columns: [
        { title: 'TAKEN', rank: 3, cut: 'time' },
        { title: 'INSTANCE', rank: 1 },
        { title: 'BYTES', align: 'right' },
        'ENCRYPTED',
        { title: 'FILE', rank: 'whole' },
      ],
      rows: report.backups.map((b) => [b.cutAt, b.instance, b.bytes, b.encrypted ? 'yes' : 'no', b.file]),
    })
  }
}
