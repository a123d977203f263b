/** `brine pubserver id add`: makes a further ID key for the publication server. */
import { addId, type IdChangeReport } from '../../../core/app/exchange/id-keys.js'
import { openSession } from '../../../core/app/session/session.js'
import { BaseCommand } from '../../../core/cli/base-command.js'
import { writeFlags } from '../../../core/cli/flags/flags.js'
import type { Theme } from '../../../core/cli/output/theme.js'
import { idChangeView } from '../../../core/cli/peer-views/id-keys.js'

export default class PubserverIdAdd extends BaseCommand<IdChangeReport> {
  static override summary = 'make a further ID key for new exchanges'
  static override description =
    'Publishers go on with the key that they know. Give it to one after the other: brine pubserver publisher response, then brine pubserver id use. When none uses the old key any more: brine pubserver id retire.'
  static override examples = ['<%= config.bin %> pubserver id add']
  static override flags = { ...writeFlags }

  protected override async execute(): Promise<IdChangeReport> {
    const { flags } = await this.parse(PubserverIdAdd)
    return addId(await openSession(this.context(flags)), null, { dryRun: flags['dry-run'] })
  }

  protected override view(report: IdChangeReport, theme: Theme): string {
    return idChangeView(report, `new ID key ${report.id}`, theme)
  }
}
