/** `brine roa analyze`: the ROAs of a CA beside what is announced. */
import { analyseRoas, type RoaAnalysisReport } from '../../core/app/routing/analyse-roas.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, flag } from '../../core/cli/flags/flags.js'
import { requiredSources, routingFlags } from '../../core/cli/flags/routing.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { roaAnalysisView } from '../../core/cli/roa-views/roa-analysis.js'

export default class RoaAnalyze extends BaseCommand<RoaAnalysisReport> {
  static override summary = 'compare the ROAs of a CA with what is announced in BGP'
  static override description =
    'Announcements within the resources of the CA: valid; invalidLength (the AS is authorised for a less specific prefix); invalidOrigin (only other ASes are); disallowed (only AS0 is); notFound. ROAs: seen; unseen (no announcement under it); tooPermissive (maxLength admits prefixes that the AS does not announce, RFC 9319; a comment that begins with "permissive" says that this is meant); disallowing (it makes announcements invalid and none valid); redundant; as0; as0Redundant; notHeld. Nothing is fetched.'
  static override examples = [
    '<%= config.bin %> roa analyze acme --bgp riswhoisdump.IPv4.gz --bgp riswhoisdump.IPv6.gz',
    '<%= config.bin %> roa analyze acme --bgp pfx2as.gz --vrps /var/lib/rpki-client/json --all',
  ]
  static override args = { ca: arg.handle({ required: true, description: 'the CA' }) }
  static override flags = {
    ...routingFlags,
    all: flag.boolean({ description: 'list the valid announcements too' }),
  }

  protected override async execute(): Promise<RoaAnalysisReport> {
    const { args, flags } = await this.parse(RoaAnalyze)
    const session = await openSession(this.context(flags))
    return analyseRoas(session, args.ca, requiredSources(flags, session.loaded.routing), { all: flags.all })
  }

  protected override view(report: RoaAnalysisReport, theme: Theme): string {
    return roaAnalysisView(report, theme)
  }
}
