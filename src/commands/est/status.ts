/** `brine est status`: shows the state of a request, or lists the open ones. */
import { openRequests, type RequestReport, requestStatus } from '../../core/app/enrolment/follow-up.js'
import { backendOf } from '../../core/app/failover/backends.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg } from '../../core/cli/flags/flags.js'
import type { Theme } from '../../core/cli/output/theme.js'

const EXIT = { issued: 0, revoked: 0, asked: 17, pending: 17, unknown: 18 } as const

interface OpenRequests {
  readonly requests: readonly RequestReport[]
}

export default class EstStatus extends BaseCommand<RequestReport | OpenRequests> {
  static override summary = 'show the state of a request, or list the open ones'
  static override description =
    'Polls the CA of a pending request. Without an ID it lists the open requests, calls no CA, and exits with 0.'
  static override exitStatus = {
    0: 'the certificate is issued (brine est cert show ID)',
    1: 'the CA refused',
    15: 'the CA cannot be reached',
    17: 'the request is pending',
    18: 'it is unknown whether the CA issued',
  }
  static override examples = ['<%= config.bin %> est status', '<%= config.bin %> est status 0b1f6e2a9c3d4e5f']
  static override args = { id: arg.text({ description: 'the request id printed by brine est enroll' }) }

  protected override async execute(): Promise<RequestReport | OpenRequests> {
    const { args, flags } = await this.parse(EstStatus)
    const session = await openSession(this.context(flags))
    return args.id === undefined
      ? { requests: await openRequests(session) }
      : requestStatus(session, args.id, backendOf)
  }

  protected override view(report: RequestReport | OpenRequests, theme: Theme): string {
    if (!('requests' in report)) return requestView(report, theme)
    if (report.requests.length === 0) return 'no open requests'
    return theme.table({
      columns: [
        { title: 'ID', rank: 3 },
        { title: 'STATE', rank: 3 },
        'LABEL',
        'CA',
        { title: 'SUBJECT', rank: 1 },
        { title: 'SINCE', rank: 3, cut: 'time' },
        { title: 'RETRY AT', rank: 3, cut: 'time' },
      ],
      rows: report.requests.map((one) => [
        one.id,
        stateText(one, theme),
        one.label,
        one.ca,
        one.subject,
        one.since,
        one.retryAt ?? '-',
      ]),
    })
  }

  protected override exitCode(report: RequestReport | OpenRequests): number {
    return 'requests' in report ? 0 : EXIT[report.status]
  }
}

function stateText({ status }: RequestReport, theme: Theme): string {
  return status === 'issued' ? theme.good(status) : status === 'revoked' ? theme.bad(status) : theme.caution(status)
}

function requestView(report: RequestReport, theme: Theme): string {
  const { id, status, ca, subject, label, since, retryAt, message, serial, notAfter } = report
  const end = serial === null ? '' : `, serial ${serial}, until ${notAfter}`
  const again = retryAt === null || status !== 'pending' ? '' : `; retry at ${retryAt}`
  return [
    `${id}: ${stateText(report, theme)} at ${ca} for ${subject} (${label}), since ${since}${end}${again}`,
    ...(message === null ? [] : [theme.dim(message)]),
  ].join('\n')
}
