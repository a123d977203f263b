/** `brine pubserver publisher response`: prints the repository_response of a publisher elsewhere again. */
import { publisherResponse } from '../../../core/app/exchange/server/publisher-contact.js'
import { assertNotExists, writePublicDocument } from '../../../core/app/operations/user-files.js'
import { openSession } from '../../../core/app/session/session.js'
import { BaseCommand } from '../../../core/cli/base-command.js'
import { arg } from '../../../core/cli/flags/flags.js'
import { answerFlags } from '../../../core/cli/flags/peer-flags.js'

interface ResponseReport {
  readonly publisher: string
  readonly response: string
  readonly id: string
  readonly usedId: string
  readonly out: string | null
}

export default class PublisherResponse extends BaseCommand<ResponseReport> {
  static override summary = 'print the repository_response (RFC 8183) of a publisher that sends messages'
  static override description =
    'It has the newest ID key of the publication server. If that is a new one, replies to the publisher are signed with the key that it knows until you say that it has the response: brine pubserver id use KEY --publisher PUBLISHER.'
  static override examples = [
    '<%= config.bin %> pubserver publisher response customer --service-uri https://rpki.example.net/ --out repository-response.xml',
  ]
  static override args = { publisher: arg.handle({ required: true, description: 'the publisher' }) }
  static override flags = answerFlags

  protected override async execute(): Promise<ResponseReport> {
    const { args, flags } = await this.parse(PublisherResponse)
    assertNotExists(flags.out)
    const session = await openSession(this.context(flags))
    const written = await publisherResponse(session, args.publisher, flags['service-uri'])
    if (flags.out !== undefined) writePublicDocument(flags.out, written.response)
    return { publisher: args.publisher, ...written, out: flags.out ?? null }
  }

  protected override view({ response, out, publisher }: ResponseReport): string {
    return out === null ? response.trimEnd() : `${out}: send this repository_response to ${publisher}`
  }
}
