/** `brine why`: answers why there is a VRP, or why not. */
import { assertNotExists } from '../core/app/operations/user-files.js'
import { openSession } from '../core/app/session/session.js'
import type { WhyReport } from '../core/app/why/report.js'
import { why } from '../core/app/why/why.js'
import { writeBundle } from '../core/app/why/write-bundle.js'
import { epochOf } from '../core/base/time.js'
import { BaseCommand } from '../core/cli/base-command.js'
import { archiveFlags, arg, flag } from '../core/cli/flags/flags.js'
import type { Theme } from '../core/cli/output/theme.js'
import { whyView } from '../core/cli/views/why.js'

type Report = WhyReport & { readonly bundle: string | null }

export default class Why extends BaseCommand<Report> {
  static override summary = 'show why there is a VRP, or why not'
  static override description =
    'Shows the ROA object of a VRP, the certificates up to the trust anchor or to the topmost certificate of this directory, the RRDP serial, and the commands that configured, issued and renewed it; for a VRP that is not there, why: never configured, removed, not held, a CA suspended. History is verified on the way. --bundle writes the object, the certificates, CRLs and manifests, and a text with the commands of OpenSSL that verify them without brine; it names the authors, hosts and reasons of the commands too.'
  static override exitStatus = {
    1: 'history or a file of that time is archived elsewhere; with --bundle: there is no such VRP',
    2: 'no VRP, or a time after the present or before the first commit',
    12: 'history is damaged',
  }
  static override examples = [
    '<%= config.bin %> why "192.0.2.0/24 => 64496"',
    '<%= config.bin %> why "192.0.2.0/24 => 64496" --at 7d --json',
    '<%= config.bin %> why "192.0.2.0/24 => 64496" --bundle proof.tar',
  ]
  static override args = { vrp: arg.text({ required: true, description: 'PREFIX[-MAXLENGTH] => ASN' }) }
  static override flags = {
    at: flag.moment({ description: 'as of this time: RFC 3339, or 7d for seven days ago' }),
    bundle: flag.path({ description: 'write the proof to a new folder, or a new file if the name ends in .tar' }),
    ...archiveFlags,
  }

  protected override async execute(): Promise<Report> {
    const { args, flags } = await this.parse(Why)
    assertNotExists(flags.bundle)
    const session = await openSession({ ...this.context(flags), archives: flags.archive ?? [] })
    const { report, bundle } = await why(session, args.vrp, {
      at: flags.at,
      wantsBundle: flags.bundle !== undefined,
    })
    if (flags.bundle !== undefined && bundle !== undefined) writeBundle(bundle, flags.bundle, epochOf(report.at))
    return { ...report, bundle: flags.bundle ?? null }
  }

  protected override view(report: Report, theme: Theme): string {
    return whyView(report, theme)
  }
}
