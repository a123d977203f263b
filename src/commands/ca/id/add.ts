/** `brine ca id add`: makes a further ID key for a CA. */
import { addId, type IdChangeReport } from '../../../core/app/exchange/id-keys.js'
import { openSession } from '../../../core/app/session/session.js'
import { BaseCommand } from '../../../core/cli/base-command.js'
import { arg, writeFlags } from '../../../core/cli/flags/flags.js'
import type { Theme } from '../../../core/cli/output/theme.js'
import { idChangeView } from '../../../core/cli/peer-views/id-keys.js'

export default class CaIdAdd extends BaseCommand<IdChangeReport> {
  static override summary = 'make a further ID key for new exchanges'
  static override description =
    'Peers go on with the key that they know. Give it to one after the other: to a parent or repository by a new request (brine parent request, brine repo request) and its response; to a child by brine child response and brine ca id use. When no peer uses the old key any more: brine ca id retire.'
  static override examples = ['<%= config.bin %> ca id add acme']
  static override args = {
    ca: arg.handle({ required: true, description: 'the CA' }),
  }
  static override flags = { ...writeFlags }

  protected override async execute(): Promise<IdChangeReport> {
    const { args, flags } = await this.parse(CaIdAdd)
    return addId(await openSession(this.context(flags)), args.ca, { dryRun: flags['dry-run'] })
  }

  protected override view(report: IdChangeReport, theme: Theme): string {
    return idChangeView(report, `new ID key ${report.id}`, theme)
  }
}
