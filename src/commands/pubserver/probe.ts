/** `brine pubserver probe`: asks every repository server whether it serves what is published. */
import { type ProbeReport, probeServers } from '../../core/app/distribution/probe.js'
import { faultsOf, probeNagiosLine, probeVerdict } from '../../core/app/distribution/probe-lines.js'
import { openSession } from '../../core/app/session/session.js'
import { NAGIOS_EXIT, nagiosUnknown } from '../../core/app/status/formats.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { EXIT_CODES } from '../../core/cli/exit-codes.js'
import { arg, flag } from '../../core/cli/flags/flags.js'
import type { Theme } from '../../core/cli/output/theme.js'

/** Report of a probe; with `--nagios` also the error of a check that could not run. */
export type ProbeResult = ProbeReport | { readonly verdict: 'unknown'; readonly message: string }

export default class PubserverProbe extends BaseCommand<ProbeResult> {
  static override summary = 'ask every repository server whether it serves what is published'
  static override description =
    'Fetches the notification file of each [[repository.server]], with the RRDP snapshot and the newest delta that it names, and lists its rsync tree; compares session, serial, names, sizes and hashes with what is published here; and says which server is behind, by how much and since when. A server may be behind for max_lag. Then writes each [[repository.pool]] for a load balancer: a server that fails is taken out, and if all fail the pool stays as it was. Pool files are written only if all servers were probed, and not on a stand-by. status shows the last probe, status --prom has its metrics. Takes no lock.'
  static override exitStatus = {
    0: 'every server is in order; with --nagios: OK',
    1: 'with --nagios: warning, some servers fail',
    2: 'with --nagios: critical, all servers fail',
    3: 'some servers fail, or a pool file cannot be written; with --nagios: unknown',
    15: 'all servers fail',
  }
  static override examples = [
    '<%= config.bin %> pubserver probe',
    '<%= config.bin %> pubserver probe one two --full',
    '<%= config.bin %> pubserver probe --nagios',
  ]
  static override args = {
    name: arg.text({ description: 'servers of the configuration (default all)', multiple: true }),
  }
  static override flags = {
    full: flag.boolean({ description: 'fetch every RRDP delta, not only the newest' }),
    nagios: flag.boolean({ description: 'print one line, with the exit codes of a Nagios plugin' }),
  }
  #nagios = false

  /** With --quiet only the servers that fail are printed; the line of a Nagios plugin always is. */
  protected override get changes(): boolean {
    return !this.#nagios
  }

  protected override async execute(): Promise<ProbeResult> {
    const { flags, args } = await this.parse(PubserverProbe)
    this.#nagios = flags.nagios
    try {
      const session = await openSession(this.context(flags))
      const userAgent = `brine/${this.config.version}`
      return await probeServers(session, { servers: args.name ?? [], isFull: flags.full, userAgent })
    } catch (error) {
      if (!flags.nagios) throw error
      return { verdict: 'unknown', message: nagiosUnknown(error) }
    }
  }

  protected override view(report: ProbeResult, theme: Theme): string {
    if ('verdict' in report) return report.message
    if (this.#nagios) return probeNagiosLine(report)
    const servers = report.servers.map((server) => {
      const faults = faultsOf(server, report.at)
      const lasting = server.failingSince === null ? '' : `, failing since ${server.failingSince}`
      if (!server.ok) return `${server.name}: ${theme.bad('failed')}${lasting}\n${indented(faults)}`
      const serves = `${server.name}: ${theme.good('ok')}`
      return faults.length === 0 ? `${serves}, serial ${report.serial}` : `${serves}\n${indented(faults)}`
    })
    const pools = report.pools.map(({ file, members, changed, warning }) => {
      const what = `${file}: ${changed ? 'now ' : ''}${members.join(', ')}`
      return warning === null ? what : theme.caution(`warning: ${file}: ${warning}`)
    })
    return [...servers, ...pools].join('\n')
  }

  protected override faults(report: ProbeResult): readonly string[] {
    if ('verdict' in report) return []
    const failing = report.servers.filter(({ ok }) => !ok)
    return [
      ...failing.map((server) => `${server.name}: ${faultsOf(server, report.at).join(', ')}`),
      ...report.pools.flatMap(({ file, warning }) => (warning === null ? [] : [`${file}: ${warning}`])),
    ]
  }

  protected override exitCode(report: ProbeResult): number {
    if ('verdict' in report) return NAGIOS_EXIT.unknown
    const verdict = probeVerdict(report)
    if (this.#nagios) return NAGIOS_EXIT[verdict]
    return { ok: 0, warning: EXIT_CODES.partial, critical: EXIT_CODES.remote }[verdict]
  }
}

function indented(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}`).join('\n')
}
