/** `brine backup list`: the backups of a folder. */
import { listBackups, type ShelfReport } from '../../core/app/backup/catalog.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg } from '../../core/cli/flags/flags.js'
import type { Theme } from '../../core/cli/output/theme.js'

export default class BackupList extends BaseCommand<ShelfReport> {
  static override summary = 'list the backups of a folder, the newest first'
  static override description = 'By the names that backup create gives; nothing is opened. Needs no data directory.'
  static override examples = ['<%= config.bin %> backup list /var/backups/brine']
  static override args = { folder: arg.path({ required: true, description: 'the folder' }) }

  protected override async execute(): Promise<ShelfReport> {
    const { args } = await this.parse(BackupList)
    return listBackups(args.folder)
  }

  protected override view(report: ShelfReport, theme: Theme): string {
    if (report.backups.length === 0) return `no backups in ${report.folder}`
    return theme.table({
      columns: ['CUT', 'INSTANCE', { title: 'BYTES', align: 'right' }, 'ENCRYPTED', 'FILE'],
      rows: report.backups.map((b) => [b.cutAt, b.instance, b.bytes, b.encrypted ? 'yes' : 'no', b.file]),
    })
  }
}
