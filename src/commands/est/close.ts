/** `brine est close`: a request that nothing will come of any more. */
import { type ClosedRequest, closeRequest } from '../../core/app/enrolment/follow-up.js'
import { openSession } from '../../core/app/transaction/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, writeFlags } from '../../core/cli/flags/flags.js'

export default class EstClose extends BaseCommand<ClosedRequest> {
  static override summary = 'close a request that nothing will come of'
  static override description =
    'For one whose outcome is unknown, once you have looked at the CA, and for a pending one that nobody decides. The same key may then be enrolled again. History keeps it, with --reason. Exit codes: 0, 1 a process waits for its answer, 2 there is no such open request.'
  static override examples = ['<%= config.bin %> est close 0b1f6e2a9c3d4e5f --reason "the CA has no such certificate"']
  static override args = { id: arg.text({ required: true, description: 'the id that brine est status shows' }) }
  static override flags = { ...writeFlags }

  protected override async execute(): Promise<ClosedRequest> {
    const { args, flags } = await this.parse(EstClose)
    return closeRequest(await openSession(this.context(flags)), args.id)
  }

  protected override view({ id, dryRun }: ClosedRequest): string {
    return dryRun ? `request ${id} would be closed; dry run, nothing changed` : `request ${id} is closed`
  }
}
