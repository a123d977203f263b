/** `brine pubserver write`: rebuilds the published tree, or writes it as a validator cache. */
import { type PubserverWriteReport, rebuildTree, writeCacheInto } from '../../core/app/authority/pubserver.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { flag } from '../../core/cli/flags/flags.js'

export default class PubserverWrite extends BaseCommand<PubserverWriteReport> {
  static override summary = 'rebuild the published tree, or write it as a cache for rpki-client -n -d DIR'
  static override examples = ['<%= config.bin %> pubserver write', '<%= config.bin %> pubserver write --into cache']
  static override flags = {
    into: flag.path({
      helpValue: 'DIR',
      description: 'a new or empty directory, or one that this command wrote before',
    }),
  }

  protected override async execute(): Promise<PubserverWriteReport> {
    const { flags } = await this.parse(PubserverWrite)
    const session = await openSession(this.context(flags))
    return flags.into === undefined ? rebuildTree(session) : writeCacheInto(session, flags.into)
  }

  protected override get changes(): boolean {
    return true
  }

  protected override view(report: PubserverWriteReport): string {
    return `${report.into}: serial ${report.serial}, ${report.files} files, ${report.bytes} bytes written`
  }
}
