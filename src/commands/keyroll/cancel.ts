/** `brine keyroll cancel`: gives up a key roll before its activation. */
import { cancelKeyroll, type KeyrollReport } from '../../core/app/authority/keyroll.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, changeFlags, flag } from '../../core/cli/flags/flags.js'
import { changeEnding } from '../../core/cli/output/change-ending.js'
import { changedView } from '../../core/cli/output/changes.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { rollLines } from '../../core/cli/views/keyroll.js'

export default class KeyrollCancel extends BaseCommand<KeyrollReport> {
  static override summary = 'give up a key roll whose new key is not activated yet'
  static override description =
    'The parent revokes the new key; until it has, the key publishes its empty manifest and CRL. Its private half is destroyed a day later by tick. The current key issues as before. Once the new key is activated there is no way back: start another roll.'
  static override examples = [
    '<%= config.bin %> keyroll cancel acme --dry-run',
    '<%= config.bin %> keyroll cancel acme --class 0 --reason "wrong class"',
  ]
  static override args = { ca: arg.handle({ required: true, description: 'the CA' }) }
  static override flags = {
    ...changeFlags,
    class: flag.text({
      helpValue: 'NAME',
      description: 'only this resource class; default: every class whose new key is not activated',
    }),
  }

  protected override async execute(): Promise<KeyrollReport> {
    const { args, flags } = await this.parse(KeyrollCancel)
    const session = await openSession(this.context(flags))
    return cancelKeyroll(session, args.ca, flags.class ?? null, { dryRun: flags['dry-run'] })
  }

  protected override view(report: KeyrollReport, theme: Theme): string {
    const ending = changeEnding(report.ca, report, ['key roll cancelled'])
    return [changedView(report.changes, ending, theme), ...rollLines(report.rolls, report.retired)].join('\n')
  }
}
