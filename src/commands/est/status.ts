/** `brine est status`: what has become of a request. */
import { type RequestReport, requestStatus } from '../../core/app/est-follow.js'
import { backendOf } from '../../core/app/ha-backends.js'
import { openSession } from '../../core/app/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg } from '../../core/cli/flags.js'
import type { Theme } from '../../core/cli/output/theme.js'

const EXIT = { issued: 0, revoked: 0, asked: 17, pending: 17, unknown: 18 } as const

export default class EstStatus extends BaseCommand<RequestReport> {
  static override summary = 'what has become of a request; a pending one is asked for at its CA'
  static override description =
    'Exit codes: 0 it has its certificate (brine est cert show ID), 1 the CA has refused it, 15 the CA cannot be asked, 17 it waits, 18 the CA may have issued but did not say so.'
  static override examples = ['<%= config.bin %> est status 0b1f6e2a9c3d4e5f']
  static override args = { id: arg.text({ required: true, description: 'the id that brine est enroll told' }) }

  protected override async execute(): Promise<RequestReport> {
    const { args, flags } = await this.parse(EstStatus)
    return requestStatus(await openSession(this.context(flags)), args.id, backendOf)
  }

  protected override view(report: RequestReport, theme: Theme): string {
    const { id, status, ca, subject, label, since, retryAt, message, serial, notAfter } = report
    const state =
      status === 'issued' ? theme.good(status) : status === 'revoked' ? theme.bad(status) : theme.caution(status)
    const end = serial === null ? '' : `, serial ${serial}, until ${notAfter}`
    const again = retryAt === null || status !== 'pending' ? '' : `; ask again at ${retryAt}`
    return [
      `${id}: ${state} at ${ca} for ${subject} (${label}), since ${since}${end}${again}`,
      ...(message === null ? [] : [theme.dim(message)]),
    ].join('\n')
  }

  protected override exitCode({ status }: RequestReport): number {
    return EXIT[status]
  }
}
