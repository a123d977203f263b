/** `brine keyroll init`: starts a key roll. */
import { initKeyroll, type KeyrollReport } from '../../core/app/authority/keyroll.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, changeFlags, flag } from '../../core/cli/flags/flags.js'
import { changeEnding } from '../../core/cli/output/change-ending.js'
import { changedView } from '../../core/cli/output/changes.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { rollLines } from '../../core/cli/views/keyroll.js'

export default class KeyrollInit extends BaseCommand<KeyrollReport> {
  static override summary = 'start a key roll: make a new key and stage it beside the current one'
  static override description =
    'The new key gets a certificate from the parent and publishes an empty manifest and its CRL. Nothing else changes until it is activated, a day later, by keyroll activate or, with --activate-after, by tick (RFC 6489). With --compromised the new key takes over as soon as it has its certificate; relying parties may lack the objects of the CA until their next fetch.'
  static override examples = [
    '<%= config.bin %> keyroll init acme --activate-after 24h',
    '<%= config.bin %> keyroll init acme --class 0',
    '<%= config.bin %> keyroll init acme --compromised --reason "backup medium lost"',
  ]
  static override args = { ca: arg.handle({ required: true, description: 'the CA' }) }
  static override flags = {
    ...changeFlags,
    class: flag.text({ helpValue: 'NAME', description: 'only this resource class; default: every class' }),
    'activate-after': flag.duration({
      min: 300,
      description: 'let tick activate the new key this long after it is staged',
      exclusive: ['compromised'],
    }),
    compromised: flag.boolean({ description: 'the current key is not trusted any more: replace it at once' }),
  }

  protected override async execute(): Promise<KeyrollReport> {
    const { args, flags } = await this.parse(KeyrollInit)
    const start = {
      className: flags.class ?? null,
      activateAfter: flags['activate-after'] ?? null,
      compromised: flags.compromised === true,
    }
    return initKeyroll(await openSession(this.context(flags)), args.ca, start, { dryRun: flags['dry-run'] })
  }

  protected override view(report: KeyrollReport, theme: Theme): string {
    const ending = changeEnding(report.ca, report, ['key roll started'])
    return [changedView(report.changes, ending, theme), ...rollLines(report.rolls, report.retired)].join('\n')
  }
}
