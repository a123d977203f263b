/** `brine roa update`: applies a file of additions and removals in one transaction. */

import { roaFile } from '../../core/app/authority/roa-set.js'
import { type RoaUpdateReport, updateRoas } from '../../core/app/authority/roas.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { EXIT_CODES } from '../../core/cli/exit-codes.js'
import { arg, changeFlags, flag } from '../../core/cli/flags/flags.js'
import { namedSources, routingFlags } from '../../core/cli/flags/routing.js'
import { roaSafetyFlags, SAFETY_NEEDS } from '../../core/cli/flags/safety.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { dateFlags, SKIPPED_STATUS, skipFlag, textOf } from '../../core/cli/roa-input.js'
import { roasChangedView } from '../../core/cli/roa-views/roas-changed.js'

export default class RoaUpdate extends BaseCommand<RoaUpdateReport> {
  static override summary = 'add and remove ROAs from a file'
  static override description =
    'Lines "A: PREFIX-MAXLENGTH => ASN # note" and "R: ...", or JSON {"added":[{"prefix","maxLength","asn","comment"}],"removed":[...]}; maxLength and comment are optional. With --from the additions and removals are made at that time, together.'
  static override exitStatus = SKIPPED_STATUS
  static override examples = [
    '<%= config.bin %> roa update acme --file changes.txt',
    '<%= config.bin %> roa update acme --file -',
  ]
  static override args = { ca: arg.handle({ required: true, description: 'the CA' }) }
  static override flags = {
    ...changeFlags,
    ...routingFlags,
    ...roaSafetyFlags,
    file: flag.path({ required: true, description: 'file with the changes; - reads standard input' }),
    ...skipFlag,
    ...dateFlags,
    idempotent: flag.boolean({ description: 'succeed if the change is already in effect' }),
  }

  static override needs = SAFETY_NEEDS

  protected override async execute(): Promise<RoaUpdateReport> {
    const { args, flags } = await this.parse(RoaUpdate)
    const set = roaFile(await textOf(flags.file))
    const session = await openSession(this.context(flags))
    return updateRoas(session, args.ca, set, {
      dryRun: flags['dry-run'],
      sources: namedSources(flags),
      skipNotHeld: flags['skip-not-held'],
      idempotent: flags.idempotent,
      dates: { from: flags.from, until: flags.until },
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
