/** `brine child add`: registers a child with the resources it may hold. */

import { addChild, type ChildReport, nextForChild, resourceLine } from '../../core/app/authority/children.js'
import { resourcesOf } from '../../core/app/authority/resource-arguments.js'
import { addRemoteChild } from '../../core/app/exchange/server/child-contact.js'
import { assertNotExists, readOctets, writePublicDocument } from '../../core/app/operations/user-files.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, changeFlags, flag } from '../../core/cli/flags/flags.js'
import { changeEnding } from '../../core/cli/output/change-ending.js'
import { changedView } from '../../core/cli/output/changes.js'
import type { Theme } from '../../core/cli/output/theme.js'

/** With `--request`: the XML for the child. */
interface Added extends ChildReport {
  readonly response?: string | null
  readonly out?: string | null
  /** Commands that a child of this data directory still needs. */
  readonly next?: readonly string[]
}

export default class ChildAdd extends BaseCommand<Added> {
  static override summary = 'add a child to a CA or the trust anchor'
  static override description =
    'A child is a CA that exists in this data directory (--local; brine ca add CHILD --under CA --resources R makes the CA too), or one elsewhere that sends messages by RFC 6492: --request is the child_request file that its operator sends (RFC 8183), and the parent_response that is printed, or written with --out, goes back. Its messages are answered by brine cgi at SERVICE-URI/rfc6492/CA.'
  static override examples = [
    '<%= config.bin %> child add acme branch --local --resources 192.0.2.0/25',
    '<%= config.bin %> child add acme customer --request child-request.xml --service-uri https://rpki.example.net/ --resources 192.0.2.128/25 --out parent-response.xml',
  ]
  static override args = {
    ca: arg.handle({ required: true, description: 'the parent' }),
    child: arg.newHandle({ required: true, description: 'the child' }),
  }
  static override flags = {
    ...changeFlags,
    local: flag.boolean({ description: 'the child is a CA of this data directory', exclusive: ['request'] }),
    request: flag.path({
      description: 'the child is elsewhere: its child_request (RFC 8183)',
      dependsOn: ['service-uri'],
    }),
    'service-uri': flag.text({
      helpValue: 'URI',
      description: 'with --request: URI of the web server in front of brine cgi',
    }),
    out: flag.path({ description: 'with --request: write the parent_response to a new file', dependsOn: ['request'] }),
    resources: flag.resources({ required: true, description: 'resources that the child is entitled to' }),
  }

  static override needs = [
    { code: 'child-where', oneOf: { local: 'for a CA of this data directory', request: 'for one elsewhere' } },
  ]

  protected override async execute(): Promise<Added> {
    const { args, flags } = await this.parse(ChildAdd)
    const resources = resourcesOf(flags.resources)
    const { request: file, 'service-uri': serviceBase, out } = flags
    if (file !== undefined && serviceBase !== undefined) {
      assertNotExists(out)
      const request = readOctets(file)
      const remote = { child: args.child, resources, request, serviceBase }
      const options = { dryRun: flags['dry-run'] }
      const report = await addRemoteChild(await openSession(this.context(flags)), args.ca, remote, options)
      if (out !== undefined && report.response !== null) writePublicDocument(out, report.response)
      return { ...report, out: out ?? null, lost: [], regained: [], changes: [], unusedKeys: [], orphaned: false }
    }
    const session = await openSession(this.context(flags))
    const report = await addChild(session, args.ca, args.child, resources, { dryRun: flags['dry-run'] })
    return { ...report, next: await nextForChild(session, args.ca, args.child) }
  }

  protected override view(report: Added, theme: Theme): string {
    const change = `child ${report.child} is entitled to ${resourceLine(report.resources)}`
    const ending = changeEnding(report.ca, report, [change])
    if (report.response === undefined) {
      const next = report.dryRun ? [] : (report.next ?? []).map((line) => theme.paste(`next: ${line}`))
      return [changedView(report.changes, ending, theme), ...next].join('\n')
    }
    if (report.response === null) return ending
    return report.out === null || report.out === undefined
      ? report.response.trimEnd()
      : `${ending}\n${report.out}: send this parent_response to the child`
  }
}
