/** `brine pubserver id retire`: retires an ID key of the publication server. */
import { type IdChangeReport, retireId } from '../../../core/app/exchange/id-keys.js'
import { openSession } from '../../../core/app/session/session.js'
import { BaseCommand } from '../../../core/cli/base-command.js'
import { arg, writeFlags } from '../../../core/cli/flags/flags.js'
import type { Theme } from '../../../core/cli/output/theme.js'
import { idChangeView } from '../../../core/cli/peer-views/id-keys.js'

export default class PubserverIdRetire extends BaseCommand<IdChangeReport> {
  static override summary = 'retire an ID key that no peer uses'
  static override description =
    'Refused while a peer uses it. The file of its private key stays for a while: brine clean removes it after 30 days.'
  static override examples = ['<%= config.bin %> pubserver id retire 3F7A0C5D9E1B2468ACE013579BDF02468ACE1357']
  static override args = {
    key: arg.keyId({ required: true, description: 'the ID key: 40 hexadecimal digits' }),
  }
  static override flags = { ...writeFlags }

  protected override async execute(): Promise<IdChangeReport> {
    const { args, flags } = await this.parse(PubserverIdRetire)
    return retireId(await openSession(this.context(flags)), null, args.key, { dryRun: flags['dry-run'] })
  }

  protected override view(report: IdChangeReport, theme: Theme): string {
    return idChangeView(report, `ID key ${report.id} retired`, theme)
  }
}
