/** `brine roa replace`: makes the ROAs of a CA exactly those that are given, in one transaction. */
import { type RoaUpdateReport, replaceRoas } from '../../core/app/authority/roas.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { EXIT_CODES } from '../../core/cli/exit-codes.js'
import { arg, changeFlags } from '../../core/cli/flags/flags.js'
import { namedSources, routingFlags } from '../../core/cli/flags/routing.js'
import { roaSafetyFlags, SAFETY_NEEDS } from '../../core/cli/flags/safety.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { ROA_FORMATS, roaFileFlag, roaInput, roaNeeds, SKIPPED_STATUS, skipFlag } from '../../core/cli/roa-input.js'
import { roasChangedView } from '../../core/cli/roa-views/roas-changed.js'

export default class RoaReplace extends BaseCommand<RoaUpdateReport> {
  static override summary = 'replace all ROAs of a CA'
  static override description =
    `Adds the ROAs that the CA does not have, removes those that are not given, and keeps the others with their comments. An empty list is refused. ${ROA_FORMATS}`
  static override exitStatus = SKIPPED_STATUS
  static override examples = [
    '<%= config.bin %> roa replace acme --file roas.csv --dry-run',
    '<%= config.bin %> roa replace acme 192.0.2.0/24=AS64496',
  ]
  static override args = {
    ca: arg.handle({ required: true, description: 'the CA' }),
    roa: arg.text({ multiple: true, description: '"PREFIX-MAXLENGTH => ASN # note", several at once' }),
  }
  static override flags = { ...changeFlags, ...routingFlags, ...roaSafetyFlags, ...roaFileFlag, ...skipFlag }

  static override needs = [...roaNeeds, ...SAFETY_NEEDS]

  protected override async execute(): Promise<RoaUpdateReport> {
    const { args, flags } = await this.parse(RoaReplace)
    const set = await roaInput('add', args.roa ?? [], flags.file)
    return replaceRoas(await openSession(this.context(flags)), args.ca, set, {
      dryRun: flags['dry-run'],
      sources: namedSources(flags),
      skipNotHeld: flags['skip-not-held'],
    })
  }

  protected override view(report: RoaUpdateReport, theme: Theme): string {
    return roasChangedView(report, theme)
  }

  protected override exitCode({ skipped }: RoaUpdateReport): number {
    return skipped.length === 0 ? 0 : EXIT_CODES.partial
  }

  protected override faults({ skipped }: RoaUpdateReport): readonly string[] {
    return skipped.map((roa) => `not held, left out: ${roa}`)
  }
}
