/** Base of `roa add` and `roa remove`: ROAs as arguments or in a file, applied as one set in one transaction. */
import { type RoaUpdateReport, updateRoas } from '../app/authority/roas.js'
import { openSession } from '../app/session/session.js'
import { BaseCommand } from './base-command.js'
import { EXIT_CODES } from './exit-codes.js'
import { arg, changeFlags, flag } from './flags/flags.js'
import { namedSources, routingFlags } from './flags/routing.js'
import { roaSafetyFlags, SAFETY_NEEDS } from './flags/safety.js'
import type { Theme } from './output/theme.js'
import { ROA_FORMATS, roaFileFlag, roaInput, roaNeeds } from './roa-input.js'
import { roasChangedView } from './roa-views/roas-changed.js'

export abstract class RoaChange extends BaseCommand<RoaUpdateReport> {
  static override description = ROA_FORMATS
  static override args = {
    ca: arg.handle({ required: true, description: 'the CA' }),
    roa: arg.text({ multiple: true, description: '"PREFIX-MAXLENGTH => ASN # note", several at once' }),
  }
  static override flags = {
    ...changeFlags,
    ...routingFlags,
    ...roaSafetyFlags,
    ...roaFileFlag,
    idempotent: flag.boolean({ description: 'succeed if the change is already in effect' }),
  }

  static override needs = [...roaNeeds, ...SAFETY_NEEDS]

  /** The change to make with the ROAs on the command line. */
  protected abstract readonly verb: 'add' | 'remove'

  protected override async execute(): Promise<RoaUpdateReport> {
    const { args, flags } = await this.parse(this.ctor as typeof RoaChange)
    const set = await roaInput(this.verb, args.roa ?? [], flags.file)
    const session = await openSession(this.context(flags))
    return updateRoas(session, args.ca, set, {
      dryRun: flags['dry-run'],
      sources: namedSources(flags),
      idempotent: flags.idempotent,
      dates: { from: Reflect.get(flags, 'from'), until: Reflect.get(flags, 'until') },
      skipNotHeld: Reflect.get(flags, 'skip-not-held') === true,
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
