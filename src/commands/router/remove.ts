/** `brine router remove`: revokes and withdraws certificates of BGPsec routers. */
import { type RouterUpdateReport, updateRouters } from '../../core/app/authority/routers.js'
import { openSession } from '../../core/app/session/session.js'
import { arg, flag } from '../../core/cli/flags/flags.js'
import { RouterChange } from '../../core/cli/router-change.js'

export default class RouterRemove extends RouterChange {
  static override summary = 'revoke the certificates of router keys'
  static override description =
    'The certificates are withdrawn, and revoked by the CRL. Routes that a router signs with the key are no longer valid.'
  static override examples = [
    '<%= config.bin %> router remove acme ROUTER-0000FBF0-5B68CB8F2F36A6F4E2A0D2F8B4C1B7A1D9E3F605',
  ]
  static override args = {
    ca: arg.handle({ required: true, description: 'the CA' }),
    router: arg.text({
      required: true,
      multiple: true,
      description: 'name or key identifier as router list shows it, several at once',
    }),
  }
  static override flags = {
    ...RouterChange.flags,
    idempotent: flag.boolean({ description: 'succeed if the change is already in effect' }),
  }

  protected override async execute(): Promise<RouterUpdateReport> {
    const { args, flags } = await this.parse(RouterRemove)
    const session = await openSession(this.context(flags))
    const options = { dryRun: flags['dry-run'], idempotent: flags.idempotent }
    return updateRouters(session, args.ca, { remove: args.router }, options)
  }
}
