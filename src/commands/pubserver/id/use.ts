/** `brine pubserver id use`: signs replies to a publisher with another ID key. */
import { type IdChangeReport, useId } from '../../../core/app/exchange/id-keys.js'
import { openSession } from '../../../core/app/session/session.js'
import { BaseCommand } from '../../../core/cli/base-command.js'
import { arg, flag, writeFlags } from '../../../core/cli/flags/flags.js'
import type { Theme } from '../../../core/cli/output/theme.js'
import { idChangeView } from '../../../core/cli/peer-views/id-keys.js'

export default class PubserverIdUse extends BaseCommand<IdChangeReport> {
  static override summary = 'sign replies to a publisher with another ID key, once it has it'
  static override description =
    'A publisher refuses replies that are signed with a key that it does not know: first it installs a new repository_response (brine pubserver publisher response).'
  static override examples = [
    '<%= config.bin %> pubserver id use 3F7A0C5D9E1B2468ACE013579BDF02468ACE1357 --publisher customer',
  ]
  static override args = {
    key: arg.keyId({ required: true, description: 'the ID key: 40 hexadecimal digits' }),
  }
  static override flags = {
    ...writeFlags,
    publisher: flag.handle({
      helpValue: 'PUBLISHER',
      required: true,
      multiple: true,
      description: 'a publisher elsewhere; repeatable',
    }),
  }

  protected override async execute(): Promise<IdChangeReport> {
    const { args, flags } = await this.parse(PubserverIdUse)
    const peers = flags.publisher.map((name) => ({ kind: 'publisher' as const, name }))
    return useId(await openSession(this.context(flags)), null, args.key, peers, { dryRun: flags['dry-run'] })
  }

  protected override view(report: IdChangeReport, theme: Theme): string {
    return idChangeView(report, `replies are signed with ID key ${report.id}`, theme)
  }
}
