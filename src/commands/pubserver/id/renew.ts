/** `brine pubserver id renew`: makes a new certificate of an ID key of the publication server. */
import { type IdChangeReport, renewId } from '../../../core/app/exchange/id-keys.js'
import { openSession } from '../../../core/app/session/session.js'
import { BaseCommand } from '../../../core/cli/base-command.js'
import { arg, writeFlags } from '../../../core/cli/flags/flags.js'
import type { Theme } from '../../../core/cli/output/theme.js'
import { idChangeView } from '../../../core/cli/peer-views/id-keys.js'

export default class PubserverIdRenew extends BaseCommand<IdChangeReport> {
  static override summary = 'make a new certificate of an ID key, valid for 15 years from now'
  static override description =
    'Messages are signed with the same key, and new files have the new certificate. Peers hold the former one until each of them got the new one: brine pubserver publisher response, then brine pubserver id use. brine status counts down to the end of what each peer holds. A key that was not the newest is the one of new exchanges then.'
  static override examples = ['<%= config.bin %> pubserver id renew']
  static override args = {
    key: arg.keyId({ description: 'the ID key: 40 hexadecimal digits; by default the newest' }),
  }
  static override flags = { ...writeFlags }

  protected override async execute(): Promise<IdChangeReport> {
    const { args, flags } = await this.parse(PubserverIdRenew)
    return renewId(await openSession(this.context(flags)), null, args.key ?? null, { dryRun: flags['dry-run'] })
  }

  protected override view(report: IdChangeReport, theme: Theme): string {
    return idChangeView(report, `new certificate of ID key ${report.id}`, theme)
  }
}
