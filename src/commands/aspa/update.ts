/** `brine aspa update`: adds providers to an ASPA and removes others, in one transaction. */
import type { AspaUpdateReport } from '../../core/app/authority/aspas.js'
import { AspaChange } from '../../core/cli/aspa-change.js'
import { arg, flag } from '../../core/cli/flags/flags.js'
import type { Need } from '../../core/cli/missing.js'

export default class AspaUpdate extends AspaChange {
  static override summary = 'add and remove providers of an ASPA'
  static override examples = [
    '<%= config.bin %> aspa update acme AS64496 --add AS64499',
    '<%= config.bin %> aspa update acme AS64496 --add AS64499 --remove AS64497 --dry-run',
  ]
  static override args = {
    ca: arg.handle({ required: true, description: 'the CA' }),
    customer: arg.asn({ required: true, description: 'customer AS of the ASPA' }),
  }
  static override flags = {
    ...AspaChange.flags,
    add: flag.asn({ multiple: true, description: 'provider to add; repeatable' }),
    remove: flag.asn({ multiple: true, description: 'provider to remove; repeatable' }),
  }
  static override needs: readonly Need[] = [
    {
      code: 'flag-missing',
      oneOf: { add: '', remove: '' },
      message: 'no provider given: name providers with --add or --remove',
    },
  ]

  protected override async execute(): Promise<AspaUpdateReport> {
    const { args, flags } = await this.parse(AspaUpdate)
    const edit = { customer: args.customer, add: flags.add ?? [], remove: flags.remove ?? [] }
    return this.change(args.ca, { edit: [edit] }, flags)
  }
}
