/** `brine keyroll activate`: lets the staged key take over. */
import { type Activation, activateKeyroll, type KeyrollReport } from '../../core/app/authority/keyroll.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, changeFlags, confirmFlags, flag } from '../../core/cli/flags/flags.js'
import { changeEnding } from '../../core/cli/output/change-ending.js'
import { changedView } from '../../core/cli/output/changes.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { rollLines } from '../../core/cli/views/keyroll.js'

export default class KeyrollActivate extends BaseCommand<KeyrollReport> {
  static override summary = 'activate the staged key: it issues everything again, and the old key is revoked'
  static override description =
    'Every ROA and every certificate of a child is issued again by the new key under the same file name, in one publication. The parent revokes the old key; its private half is destroyed a day later by tick. Refused before the new key has been staged for 24 hours, or for the shorter time of --activate-after.'
  static override examples = [
    '<%= config.bin %> keyroll activate acme --dry-run',
    '<%= config.bin %> keyroll activate acme --yes',
    '<%= config.bin %> keyroll activate acme --now --yes --reason "test bed"',
  ]
  static override args = { ca: arg.handle({ required: true, description: 'the CA' }) }
  static override flags = {
    ...changeFlags,
    ...confirmFlags,
    class: flag.text({
      helpValue: 'NAME',
      description: 'only this resource class; default: every class with a staged key',
    }),
    now: flag.boolean({
      description: 'do not wait for the end of staging; relying parties may lack objects for one fetch',
    }),
    compromised: flag.boolean({
      description: 'the current key is not trusted any more: as --now, and even if the new certificate holds less',
    }),
  }

  protected override async execute(): Promise<KeyrollReport> {
    const { args, flags } = await this.parse(KeyrollActivate)
    const activation: Activation = {
      className: flags.class ?? null,
      now: flags.now === true || flags.compromised === true,
      compromised: flags.compromised === true,
    }
    const session = await openSession(this.context(flags))
    const preview = await activateKeyroll(session, args.ca, activation, { dryRun: true })
    if (flags['dry-run']) return preview
    await this.confirm(`Issue everything of ${args.ca} again with the new key and give up the old one`, flags)
    return activateKeyroll(session, args.ca, activation)
  }

  protected override view(report: KeyrollReport, theme: Theme): string {
    const ending = changeEnding(report.ca, report, ['new key activated'])
    return [changedView(report.changes, ending, theme), ...rollLines(report.rolls, report.retired)].join('\n')
  }
}
