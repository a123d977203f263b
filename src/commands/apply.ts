/** `brine apply`: puts desired state into effect. */
import { type ApplyReport, applyPlan, checkLimits, notApplied, refuseHeld } from '../core/app/desired-state/apply.js'
import { changesSomething, planState } from '../core/app/desired-state/plan.js'
import { NOTHING_ACCEPTED } from '../core/app/safety/review.js'
import { openSession } from '../core/app/session/session.js'
import { BaseCommand } from '../core/cli/base-command.js'
import { EXIT_CODES } from '../core/cli/exit-codes.js'
import { arg, changeFlags, confirmFlags, flag } from '../core/cli/flags/flags.js'
import { pruneFlag } from '../core/cli/flags/prune.js'
import { namedSources, routingFlags } from '../core/cli/flags/routing.js'
import { SAFETY_NEEDS, safetyFlags } from '../core/cli/flags/safety.js'
import { plainTheme, type Theme } from '../core/cli/output/theme.js'
import { stateOf } from '../core/cli/state-input.js'
import { applyView, planLines, sumLine } from '../core/cli/views/plan.js'

export default class Apply extends BaseCommand<ApplyReport> {
  static override summary = 'put the desired state of a file into effect'
  static override description =
    'Makes the CAs that a file names what it says, in one commit for each CA, parents before children: resources are given before the ROAs that need them, and taken after. If another CA gains what a CA loses, that loss is a second commit at the end. CAs that are not named are left alone; what the file does not have is removed with --prune alone. Nothing changes if a rule rejects any of it, or if the limits hold the removals of the whole plan. If a CA fails after others are done, the report says what was done, and the same command does the rest.'
  static override exitStatus = {
    0: 'done, or there was no difference',
    1: 'a change was rejected, or the plan is not that of --plan-digest; nothing changed',
    2: 'the file has a fault, or confirmation is needed',
    3: 'a CA failed after others were changed',
    13: 'a newer version wrote the file',
  }
  static override examples = [
    '<%= config.bin %> apply state.toml --dry-run',
    '<%= config.bin %> apply state.toml --prune --yes --reason "ticket 812"',
    '<%= config.bin %> apply - --yes --json < state.json',
  ]
  static override args = {
    file: arg.path({ required: true, description: 'the desired state, TOML or JSON; - reads standard input' }),
  }
  static override flags = {
    ...changeFlags,
    ...confirmFlags,
    ...pruneFlag,
    ...routingFlags,
    'plan-digest': flag.text({
      helpValue: 'DIGEST',
      description: 'digest that brine plan printed: refuse to do anything else than that plan',
    }),
    ...safetyFlags,
    'max-removals': flag.integer({
      description: 'refuse a plan that removes more, ROAs that are no longer held included',
    }),
  }

  static override needs = SAFETY_NEEDS

  protected override async execute(): Promise<ApplyReport> {
    const { args, flags } = await this.parse(Apply)
    const session = await openSession(this.context(flags))
    const file = await stateOf(args.file)
    const dryRun = flags['dry-run'] === true
    const options = {
      safety: session.options.safety ?? NOTHING_ACCEPTED,
      sources: dryRun ? namedSources(flags) : undefined,
    }
    const plan = await planState(session, file, flags.prune === true, options)
    checkLimits(plan, { planDigest: flags['plan-digest'], maxRemovals: flags['max-removals'] })
    await refuseHeld(session, file, plan, { ...options, dryRun })
    if (dryRun || !changesSomething(plan)) return notApplied(plan, dryRun)
    await this.confirm([...planLines(plan, plainTheme), sumLine(plan)].join('\n'), flags)
    return applyPlan(session, file, plan)
  }

  protected override view(report: ApplyReport, theme: Theme): string {
    return applyView(report, theme)
  }

  protected override exitCode({ failed }: ApplyReport): number {
    return failed === null ? 0 : EXIT_CODES.partial
  }

  protected override faults({ failed, left }: ApplyReport): readonly string[] {
    if (failed === null) return []
    return [failed.message, ...(left.length === 0 ? [] : [`not done: ${left.join(', ')}`])]
  }
}
