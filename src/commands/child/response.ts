/** `brine child response`: prints the parent_response of a child elsewhere again. */
import { childResponse } from '../../core/app/exchange/server/child-contact.js'
import { assertNotExists, writePublicDocument } from '../../core/app/operations/user-files.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg } from '../../core/cli/flags/flags.js'
import { answerFlags } from '../../core/cli/flags/peer-flags.js'

interface ResponseReport {
  readonly ca: string
  readonly child: string
  readonly response: string
  readonly id: string
  readonly usedId: string
  readonly out: string | null
}

export default class ChildResponse extends BaseCommand<ResponseReport> {
  static override summary = 'print the parent_response (RFC 8183) of a child that sends messages'
  static override description =
    'It has the newest ID key of the CA. If that is a new one, answers to the child are signed with the key that it knows until you say that it has the response: brine ca id use CA KEY --child CHILD.'
  static override examples = [
    '<%= config.bin %> child response acme customer --service-uri https://rpki.example.net/ --out parent-response.xml',
  ]
  static override args = {
    ca: arg.handle({ required: true, description: 'the parent' }),
    child: arg.handle({ required: true, description: 'the child' }),
  }
  static override flags = answerFlags

  protected override async execute(): Promise<ResponseReport> {
    const { args, flags } = await this.parse(ChildResponse)
    assertNotExists(flags.out)
    const session = await openSession(this.context(flags))
    const written = await childResponse(session, args.ca, args.child, flags['service-uri'])
    if (flags.out !== undefined) writePublicDocument(flags.out, written.response)
    return { ca: args.ca, child: args.child, ...written, out: flags.out ?? null }
  }

  protected override view({ response, out, child }: ResponseReport): string {
    return out === null ? response.trimEnd() : `${out}: send this parent_response to ${child}`
  }
}
