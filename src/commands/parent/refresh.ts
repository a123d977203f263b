/** `brine parent refresh`: exchanges messages with the parents of a CA that are elsewhere. */
import { deliverByHttp } from '../../core/app/exchange/client/deliver.js'
import { type RefreshAllReport, refreshParents } from '../../core/app/exchange/client/refresh-parents.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { EXIT_CODES } from '../../core/cli/exit-codes.js'
import { arg, flag, noSyncFlag } from '../../core/cli/flags/flags.js'
import { classText, refreshOutcome } from '../../core/cli/peer-views/parents.js'
import { impactLines } from '../../core/cli/views/impact.js'

export default class ParentRefresh extends BaseCommand<RefreshAllReport> {
  static override summary = 'ask parents elsewhere what they list, and request the certificates that are open'
  static override description =
    'Certificates that a parent has issued are received, new ones requested, old keys revoked (RFC 6492). A list that takes resources away counts after a later one has confirmed it, at least 15 minutes after; a loss above the limit waits for --accept-loss. What a parent answers later or refuses stays open for the next run; a parent that cannot be reached changes nothing. Exit code 15 where a parent failed or refused, and where a certificate contradicts its list, names other places than asked for, or it lists too many classes; 3 where ROAs or ASPAs were lost and --accept-loss was not given: they are named.'
  static override examples = [
    '<%= config.bin %> parent refresh acme',
    '<%= config.bin %> parent refresh acme registry --accept-loss --reason "transfer of 192.0.2.0/24"',
  ]
  static override args = {
    ca: arg.handle({ required: true, description: 'the CA' }),
    parent: arg.handle({ description: 'only this parent; default: each that is elsewhere' }),
  }
  static override flags = {
    ...noSyncFlag,
    'accept-loss': flag.boolean({
      description: 'obey the list at once, whatever it takes away; needs --reason',
    }),
  }

  static override needs = [
    {
      code: 'reason-required',
      oneOf: { reason: '' },
      with: 'accept-loss',
      message: '--accept-loss needs --reason TEXT',
    },
  ]

  private acceptsLoss = false

  protected override async execute(): Promise<RefreshAllReport> {
    const { args, flags } = await this.parse(ParentRefresh)
    const acceptLoss = flags['accept-loss']
    this.acceptsLoss = acceptLoss
    const session = await openSession(this.context(flags))
    const deliver = deliverByHttp(session, `brine/${this.config.version}`)
    return refreshParents(session, args.ca, args.parent, { deliver, acceptLoss })
  }

  protected override exitCode(report: RefreshAllReport): number {
    const outcome = refreshOutcome(report, this.acceptsLoss)
    return outcome === 'ok' ? 0 : EXIT_CODES[outcome]
  }

  protected override view({ ca, parents, failed }: RefreshAllReport): string {
    const lines = parents.flatMap(({ parent, changed, classes, requests, findings, lost }) => [
      `${ca} under ${parent}: ${changed ? 'changed' : 'nothing to change'}`,
      ...classes.map((row) => `  ${classText(row)}`),
      ...requests.map(({ kind, class: name, ski, outcome, message }) => {
        return `  ${kind} of key ${ski} in class ${name}: ${outcome}${message === null ? '' : ` (${message})`}`
      }),
      ...findings.map(({ message }) => `  ${message}`),
      ...impactLines({ lost, regained: [] }).map((line) => `  ${line}`),
    ])
    return [...lines, ...failed.map(({ parent, message }) => `${ca} under ${parent}: ${message}`)].join('\n')
  }
}
