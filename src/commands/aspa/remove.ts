/** `brine aspa remove`: removes ASPAs from a CA in one transaction. */
import type { AspaUpdateReport } from '../../core/app/authority/aspas.js'
import { AspaChange } from '../../core/cli/aspa-change.js'
import { arg } from '../../core/cli/flags/flags.js'

export default class AspaRemove extends AspaChange {
  static override summary = 'remove ASPAs from a CA'
  static override examples = ['<%= config.bin %> aspa remove acme AS64496']
  static override args = {
    ca: arg.handle({ required: true, description: 'the CA' }),
    customer: arg.asn({ required: true, multiple: true, description: 'customer AS of the ASPA, several at once' }),
  }

  protected override async execute(): Promise<AspaUpdateReport> {
    const { args, flags } = await this.parse(AspaRemove)
    return this.change(args.ca, { remove: args.customer }, flags)
  }
}
