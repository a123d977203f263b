/** `brine aspa add`: adds ASPAs to a CA in one transaction. */
import { type AspaUpdateReport, aspaArguments } from '../../core/app/authority/aspas.js'
import { AspaChange } from '../../core/cli/aspa-change.js'
import { arg } from '../../core/cli/flags/flags.js'

export default class AspaAdd extends AspaChange {
  static override summary = 'add ASPAs to a CA'
  static override description =
    'An ASPA lists every provider of a customer AS that the CA holds; AS0 alone says that it has none. Routes through other providers may be rejected: list them all.'
  static override examples = [
    '<%= config.bin %> aspa add acme "64496 => 64497, 64498 # transit"',
    '<%= config.bin %> aspa add acme AS64496=AS64497,AS64498 --dry-run',
  ]
  static override args = {
    ca: arg.handle({ required: true, description: 'the CA' }),
    aspa: arg.text({
      required: true,
      multiple: true,
      description: '"CUSTOMER => PROVIDER, PROVIDER # note", several at once',
    }),
  }

  protected override async execute(): Promise<AspaUpdateReport> {
    const { args, flags } = await this.parse(AspaAdd)
    return this.change(args.ca, { add: aspaArguments(args.aspa) }, flags)
  }
}
