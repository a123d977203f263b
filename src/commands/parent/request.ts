/** `brine parent request`: prints the child_request of a CA for a parent elsewhere. */
import { parentRequest } from '../../core/app/exchange/client/parent-contact.js'
import { assertNotExists, writePublicDocument } from '../../core/app/operations/user-files.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, flag } from '../../core/cli/flags/flags.js'

interface RequestReport {
  readonly ca: string
  readonly parent: string | null
  readonly request: string
  readonly out: string | null
}

export default class ParentRequest extends BaseCommand<RequestReport> {
  static override summary = 'print the child_request (RFC 8183) that goes to a parent elsewhere'
  static override description =
    'The first request makes the ID key of the CA, by which its messages are signed. The parent answers with a parent_response: brine parent add CA PARENT --response FILE.'
  static override examples = [
    '<%= config.bin %> parent request acme --out child-request.xml',
    '<%= config.bin %> parent request acme registry --out child-request.xml',
  ]
  static override args = {
    ca: arg.handle({ required: true, description: 'the CA' }),
    parent: arg.newHandle({
      description: 'your name for the parent that it is for: its ID key is recorded for that parent',
    }),
  }
  static override flags = { out: flag.path({ description: 'write it to a new file' }) }

  protected override async execute(): Promise<RequestReport> {
    const { args, flags } = await this.parse(ParentRequest)
    assertNotExists(flags.out)
    const session = await openSession(this.context(flags))
    const { request, parent } = await parentRequest(session, args.ca, args.parent)
    if (flags.out !== undefined) writePublicDocument(flags.out, request)
    return { ca: args.ca, parent, request, out: flags.out ?? null }
  }

  protected override view({ request, out, parent }: RequestReport): string {
    return out === null
      ? request.trimEnd()
      : `${out}: send this child_request to the parent${parent === null ? '' : ` ${parent}`}`
  }
}
