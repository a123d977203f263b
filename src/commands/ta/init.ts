/** `brine ta init`: creates the embedded trust anchor. */
import { initTa, type TaReport } from '../../core/app/authority/trust-anchor.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { flag, writeFlags } from '../../core/cli/flags/flags.js'
import { changeEnding } from '../../core/cli/output/change-ending.js'
import type { Theme } from '../../core/cli/output/theme.js'

export default class TaInit extends BaseCommand<TaReport> {
  static override summary = 'create the trust anchor of this data directory'
  static override examples = [
    '<%= config.bin %> ta init --tal-https https://rpki.example.net/ta/ta.cer --tal-rsync rsync://rpki.example.net/ta/ta.cer',
  ]
  static override flags = {
    ...writeFlags,
    'tal-https': flag.text({
      helpValue: 'URI',
      required: true,
      multiple: true,
      description: 'https URI of the certificate in the TAL; repeatable',
    }),
    'tal-rsync': flag.text({
      helpValue: 'URI',
      required: true,
      description: 'rsync URI of the certificate in the TAL',
    }),
  }

  protected override async execute(): Promise<TaReport> {
    const { flags } = await this.parse(TaInit)
    const session = await openSession(this.context(flags))
    return initTa(session, [...flags['tal-https'], flags['tal-rsync']], { dryRun: flags['dry-run'] })
  }

  protected override view(report: TaReport, theme: Theme): string {
    const ending = changeEnding(`ta/${report.handle}`, report, ['trust anchor made'])
    return `${ending}\n${theme.paste('next: brine ta tal > ta.tal, and give it to your validators')}`
  }
}
