/** `brine plan`: shows what would lead from the data directory to desired state. */
import { changesSomething, type Plan, planBetween, planState } from '../core/app/desired-state/plan.js'
import { NOTHING_ACCEPTED } from '../core/app/safety/review.js'
import { openSession } from '../core/app/session/session.js'
import { BaseCommand } from '../core/cli/base-command.js'
import { EXIT_CODES } from '../core/cli/exit-codes.js'
import { arg, flag } from '../core/cli/flags/flags.js'
import { pruneFlag } from '../core/cli/flags/prune.js'
import { namedSources, routingFlags } from '../core/cli/flags/routing.js'
import type { Theme } from '../core/cli/output/theme.js'
import { refuseTwiceStdin, stateOf } from '../core/cli/state-input.js'
import { planView } from '../core/cli/views/plan.js'

export default class PlanCommand extends BaseCommand<Plan> {
  static override summary = 'show what would lead to the desired state of a file'
  static override description =
    'Compares the CAs that a file names with the data directory, or with --against with a state that brine export wrote on another machine. Every change is checked by the rules of the CAs, and all that they would reject is reported at once with its line; with --against only the file is checked. What brine apply would hold without a permission is shown, and with --bgp the effect on announcements. Writes nothing. The digest covers the changes and the state of these CAs: brine apply --plan-digest refuses to do anything else.'
  static override exitStatus = {
    0: 'no difference',
    1: 'a change would be rejected',
    2: 'the file has a fault',
    4: 'there is a difference',
    13: 'a newer version wrote the file',
  }
  static override examples = [
    '<%= config.bin %> plan state.toml',
    '<%= config.bin %> plan state.toml --prune --json',
    '<%= config.bin %> plan state.toml --against exported.toml',
  ]
  static override args = {
    file: arg.path({ required: true, description: 'the desired state, TOML or JSON; - reads standard input' }),
  }
  static override flags = {
    ...pruneFlag,
    ...routingFlags,
    against: flag.path({
      helpValue: 'STATE',
      description: 'compare with this exported state: no data directory is needed',
    }),
  }
  static override opensDataDir = false

  #file = '-'

  protected override async execute(): Promise<Plan> {
    const { args, flags } = await this.parse(PlanCommand)
    this.#file = args.file
    const prune = flags.prune === true
    refuseTwiceStdin(args.file, flags.against)
    const session = flags.against === undefined ? await openSession(this.context(flags)) : undefined
    const wanted = await stateOf(args.file)
    const sources = namedSources(flags)
    if (session !== undefined)
      return planState(session, wanted, prune, { safety: { ...NOTHING_ACCEPTED, ...sources }, sources })
    return planBetween(await stateOf(flags.against ?? '-'), wanted, prune)
  }

  protected override view(report: Plan, theme: Theme): string {
    return planView(report, this.#file, theme)
  }

  protected override exitCode(report: Plan): number {
    return changesSomething(report) ? EXIT_CODES.differs : 0
  }
}
