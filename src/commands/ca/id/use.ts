/** `brine ca id use`: signs messages to a peer with another ID key of a CA. */
import { type IdChangeReport, type IdPeer, useId } from '../../../core/app/exchange/id-keys.js'
import { openSession } from '../../../core/app/session/session.js'
import { BaseCommand } from '../../../core/cli/base-command.js'
import { arg, flag, writeFlags } from '../../../core/cli/flags/flags.js'
import type { Theme } from '../../../core/cli/output/theme.js'
import { idChangeView } from '../../../core/cli/peer-views/id-keys.js'

export default class CaIdUse extends BaseCommand<IdChangeReport> {
  static override summary = 'sign messages to a peer with another ID key, once the peer has it'
  static override description =
    'For a child that has installed a new parent_response, and for a parent or repository that took a new request and gave no new response. A peer refuses messages that are signed with a key that it does not know.'
  static override examples = [
    '<%= config.bin %> ca id use acme 3F7A0C5D9E1B2468ACE013579BDF02468ACE1357 --child customer',
  ]
  static override args = {
    ca: arg.handle({ required: true, description: 'the CA' }),
    key: arg.keyId({ required: true, description: 'the ID key: 40 hexadecimal digits' }),
  }
  static override flags = {
    ...writeFlags,
    parent: flag.handle({ helpValue: 'PARENT', multiple: true, description: 'a parent elsewhere; repeatable' }),
    child: flag.handle({ helpValue: 'CHILD', multiple: true, description: 'a child elsewhere; repeatable' }),
    repository: flag.boolean({ description: 'the repository elsewhere' }),
  }

  static override needs = [
    {
      code: 'id-peer',
      oneOf: { parent: 'for a parent', child: 'for a child', repository: 'for the repository' },
    },
  ]

  protected override async execute(): Promise<IdChangeReport> {
    const { args, flags } = await this.parse(CaIdUse)
    const peers: readonly IdPeer[] = [
      ...(flags.parent ?? []).map((name) => ({ kind: 'parent' as const, name })),
      ...(flags.child ?? []).map((name) => ({ kind: 'child' as const, name })),
      ...(flags.repository ? [{ kind: 'repository' as const, name: null }] : []),
    ]
    return useId(await openSession(this.context(flags)), args.ca, args.key, peers, { dryRun: flags['dry-run'] })
  }

  protected override view(report: IdChangeReport, theme: Theme): string {
    return idChangeView(report, `messages are signed with ID key ${report.id}`, theme)
  }
}
