/** `brine ha simulate`: a dry run of N requests. */

import { failWindow, pairsOf } from '../../core/app/failover/scenario.js'
import { type SimulateReport, simulate } from '../../core/app/failover/simulate.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, flag } from '../../core/cli/flags/flags.js'
import type { Theme } from '../../core/cli/output/theme.js'

export default class HaSimulate extends BaseCommand<SimulateReport> {
  static override summary = 'dry-run N requests against the current rules, with injected failures'
  static override description =
    'Starts from the present state. The rules are those of production; nothing is written and no CA is called.'
  static override exitStatus = {
    2: 'unknown label or CA',
  }
  static override examples = [
    '<%= config.bin %> ha simulate device -n 100 --fail hsm-ca@10..40',
    '<%= config.bin %> ha simulate server -n 1000 --weights old-ca=80,new-ca=20',
  ]
  static override args = { label: arg.text({ required: true, description: 'the name of an [[est.label]]' }) }
  static override flags = {
    requests: flag.integer({ char: 'n', min: 1, max: 100_000, default: 100, description: 'number of requests' }),
    fail: flag.text({
      helpValue: 'CA@A..B',
      multiple: true,
      description: 'this CA fails from request A to request B',
    }),
    latency: flag.text({
      helpValue: 'CA=TIME',
      multiple: true,
      description: 'response time of this CA (300ms, 2s)',
    }),
    weights: flag.text({ helpValue: 'CA=N,CA=N', description: 'use these weights instead of the configured ones' }),
    every: flag.duration({ description: 'time between two requests (default 1s)' }),
  }

  protected override async execute(): Promise<SimulateReport> {
    const { flags, args } = await this.parse(HaSimulate)
    return simulate(await openSession(this.context(flags)), args.label, {
      requests: flags.requests,
      fail: (flags.fail ?? []).map(failWindow),
      latency: pairsOf(flags.latency ?? [], 'milliseconds'),
      weights: pairsOf(flags.weights?.split(',') ?? [], 'weight'),
      every: flags.every ?? 1,
    })
  }

  protected override view(report: SimulateReport, theme: Theme): string {
    const table = theme.table({
      columns: ['CA', { title: 'REQUESTS', align: 'right' }, { title: 'SHARE', align: 'right' }],
      rows: report.served.map(({ ca, requests }) => [
        ca,
        requests,
        `${((100 * requests) / report.requests).toFixed(1)}%`,
      ]),
    })
    const timeline = report.timeline.map(({ request, ca, from, to }) => `request ${request}: ${ca} ${from} -> ${to}`)
    const head = `${report.label} through ${theme.bold(report.group)} (${report.strategy}): ${report.failovers} failed over, ${report.refused} refused`
    return [head, table, ...timeline, theme.dim('dry run, nothing changed')].join('\n')
  }
}
