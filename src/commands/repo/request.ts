/** `brine repo request`: prints the publisher_request of a CA for a repository elsewhere. */
import { repositoryRequest } from '../../core/app/exchange/client/repository-contact.js'
import { assertNotExists, writePublicDocument } from '../../core/app/operations/user-files.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, flag } from '../../core/cli/flags/flags.js'

interface RequestReport {
  readonly ca: string
  readonly request: string
  readonly out: string | null
}

export default class RepoRequest extends BaseCommand<RequestReport> {
  static override summary = 'print the publisher_request (RFC 8183) that goes to a repository elsewhere'
  static override description =
    'The first request makes the ID key of the CA, by which its messages are signed. The repository answers with a repository_response: brine repo configure CA --response FILE.'
  static override examples = ['<%= config.bin %> repo request acme --out publisher-request.xml']
  static override args = { ca: arg.handle({ required: true, description: 'the CA' }) }
  static override flags = { out: flag.path({ description: 'write it to a new file' }) }

  protected override async execute(): Promise<RequestReport> {
    const { args, flags } = await this.parse(RepoRequest)
    assertNotExists(flags.out)
    const session = await openSession(this.context(flags))
    const { request } = await repositoryRequest(session, args.ca)
    if (flags.out !== undefined) writePublicDocument(flags.out, request)
    return { ca: args.ca, request, out: flags.out ?? null }
  }

  protected override view({ request, out }: RequestReport): string {
    return out === null ? request.trimEnd() : `${out}: send this publisher_request to the repository`
  }
}
