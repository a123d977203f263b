/** `brine roa suggest`: proposes changes of the ROAs of a CA from what is announced. */
import { type RoaSuggestionReport, suggestRoas } from '../../core/app/routing/analyse-roas.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, flag } from '../../core/cli/flags/flags.js'
import { requiredSources, routingFlags } from '../../core/cli/flags/routing.js'
import { roaSuggestionView } from '../../core/cli/roa-views/roa-suggestion.js'

export default class RoaSuggest extends BaseCommand<RoaSuggestionReport> {
  static override summary = 'propose changes of ROAs from what is announced in BGP'
  static override description =
    'Prints lines that `brine roa update --file` reads: a ROA for each announcement that none covers, or that is too specific for the ROA of its AS. Announcements of other ASes and ROAs without an announcement are comments, since only people know if these are mistakes. Read the lines before you use them: an announcement may be a hijack.'
  static override examples = [
    '<%= config.bin %> roa suggest acme --bgp riswhoisdump.IPv4.gz > changes.txt',
    '<%= config.bin %> roa update acme --file changes.txt --dry-run',
    '<%= config.bin %> roa suggest acme --bgp riswhoisdump.IPv4.gz --minimal',
  ]
  static override args = { ca: arg.handle({ required: true, description: 'the CA' }) }
  static override flags = {
    ...routingFlags,
    minimal: flag.boolean({
      description:
        'replace ROAs whose maxLength is too wide by what is announced, and remove superfluous ones (RFC 9319)',
    }),
  }

  #minimal = false

  protected override async execute(): Promise<RoaSuggestionReport> {
    const { args, flags } = await this.parse(RoaSuggest)
    this.#minimal = flags.minimal
    const session = await openSession(this.context(flags))
    return suggestRoas(session, args.ca, requiredSources(flags, session.loaded.routing))
  }

  protected override view(report: RoaSuggestionReport): string {
    return roaSuggestionView(report, this.#minimal)
  }
}
