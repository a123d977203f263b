/** `brine est close`: closes an abandoned request. */
import { type ClosedRequest, closeRequest } from '../../core/app/enrolment/follow-up.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, writeFlags } from '../../core/cli/flags/flags.js'

export default class EstClose extends BaseCommand<ClosedRequest> {
  static override summary = 'close an abandoned request'
  static override description =
    'For a request with an unknown outcome, after you have checked the CA, and for a pending one that the CA never decides. The same key can then be enrolled again. The request stays in history, with --reason.'
  static override exitStatus = {
    1: 'the request is in progress',
    2: 'there is no such open request',
  }
  static override examples = ['<%= config.bin %> est close 0b1f6e2a9c3d4e5f --reason "the CA has no such certificate"']
  static override args = { id: arg.text({ required: true, description: 'the request id shown by brine est status' }) }
  static override flags = { ...writeFlags }

  protected override async execute(): Promise<ClosedRequest> {
    const { args, flags } = await this.parse(EstClose)
    return closeRequest(await openSession(this.context(flags)), args.id)
  }

  protected override view({ id, dryRun }: ClosedRequest): string {
    return dryRun ? `request ${id} would be closed; dry run, nothing changed` : `request ${id} is closed`
  }
}
