/** `brine pubserver publisher update`: replaces the ID certificate of a publisher elsewhere. */
import { type PublisherContactReport, updatePublisherId } from '../../../core/app/exchange/server/publisher-contact.js'
import { readOctets } from '../../../core/app/operations/user-files.js'
import { openSession } from '../../../core/app/session/session.js'
import { BaseCommand } from '../../../core/cli/base-command.js'
import { arg, flag, writeFlags } from '../../../core/cli/flags/flags.js'
import { changeEnding } from '../../../core/cli/output/change-ending.js'

type Updated = Omit<PublisherContactReport, 'response'>

export default class PublisherUpdate extends BaseCommand<Updated> {
  static override summary = 'replace the ID certificate of a publisher by the one of a new publisher_request (RFC 8183)'
  static override description =
    'For a publisher that changed its ID key, or whose ID certificate runs out. What it published stays. Its messages are verified by the new certificate from now on.'
  static override examples = ['<%= config.bin %> pubserver publisher update customer --request publisher-request.xml']
  static override args = { publisher: arg.handle({ required: true, description: 'the publisher' }) }
  static override flags = {
    ...writeFlags,
    request: flag.path({ required: true, description: 'its new publisher_request (RFC 8183)' }),
  }

  protected override async execute(): Promise<Updated> {
    const { args, flags } = await this.parse(PublisherUpdate)
    const options = { dryRun: flags['dry-run'] }
    return updatePublisherId(await openSession(this.context(flags)), args.publisher, readOctets(flags.request), options)
  }

  protected override view(report: Updated): string {
    const change = `messages of ${report.publisher} are verified by its new ID certificate`
    return changeEnding('publication server', report, [change])
  }
}
