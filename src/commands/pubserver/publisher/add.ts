/** `brine pubserver publisher add`: lets a CA elsewhere publish here. */
import { addPublisher, type PublisherContactReport } from '../../../core/app/exchange/server/publisher-contact.js'
import { assertNotExists, readOctets, writePublicDocument } from '../../../core/app/operations/user-files.js'
import { openSession } from '../../../core/app/session/session.js'
import { BaseCommand } from '../../../core/cli/base-command.js'
import { arg, flag, writeFlags } from '../../../core/cli/flags/flags.js'
import { changeEnding } from '../../../core/cli/output/change-ending.js'

interface Added extends PublisherContactReport {
  readonly out: string | null
}

export default class PublisherAdd extends BaseCommand<Added> {
  static override summary = 'let a CA elsewhere publish here by messages (RFC 8181)'
  static override description =
    'Takes the publisher_request file that its operator sends (RFC 8183); the repository_response that is printed, or written with --out, goes back. Its messages are answered by brine cgi at SERVICE-URI/rfc8181/PUBLISHER. CAs of this data directory publish without messages and are not added here.'
  static override examples = [
    '<%= config.bin %> pubserver publisher add customer --request publisher-request.xml --service-uri https://rpki.example.net/ --out repository-response.xml',
  ]
  static override args = { publisher: arg.newHandle({ required: true, description: 'the publisher' }) }
  static override flags = {
    ...writeFlags,
    request: flag.path({ required: true, description: 'its publisher_request (RFC 8183)' }),
    'service-uri': flag.text({
      helpValue: 'URI',
      required: true,
      description: 'URI of the web server in front of brine cgi',
    }),
    out: flag.path({ description: 'write the repository_response to a new file' }),
  }

  protected override async execute(): Promise<Added> {
    const { args, flags } = await this.parse(PublisherAdd)
    const { request: file, 'service-uri': serviceBase, out, 'dry-run': dryRun } = flags
    assertNotExists(out)
    const added = { publisher: args.publisher, request: readOctets(file), serviceBase }
    const report = await addPublisher(await openSession(this.context(flags)), added, { dryRun })
    if (out !== undefined && report.response !== null) writePublicDocument(out, report.response)
    return { ...report, out: out ?? null }
  }

  protected override view(report: Added): string {
    const { publisher, base, response, out } = report
    const ending = changeEnding('publication server', report, [`publisher ${publisher} may publish below ${base}`])
    if (response === null) return ending
    return out === null ? response.trimEnd() : `${ending}\n${out}: send this repository_response to the publisher`
  }
}
