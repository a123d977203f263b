/** `brine router add`: certifies the key of a BGPsec router for an AS. */
import { type RouterUpdateReport, updateRouters } from '../../core/app/authority/routers.js'
import { openSession } from '../../core/app/session/session.js'
import { readRequestFile } from '../../core/cli/flags/enrolment.js'
import { arg, flag } from '../../core/cli/flags/flags.js'
import { RouterChange, routerRequestFlags } from '../../core/cli/router-change.js'

export default class RouterAdd extends RouterChange {
  static override summary = 'certify the key of a BGPsec router (RFC 8209)'
  static override description =
    'The request (PKCS#10) is of an EC key on P-256 that the router or its operator made; Brine never has the private key. The signature of the request is verified.'
  static override examples = [
    '<%= config.bin %> router add acme --asn AS64496 --csr router.csr --router-id 192.0.2.1',
    '<%= config.bin %> router add acme --asn AS64496 --csr router.csr --dry-run',
  ]
  static override args = { ca: arg.handle({ required: true, description: 'the CA' }) }
  static override flags = {
    ...RouterChange.flags,
    asn: flag.asn({ required: true, description: 'the AS of the router' }),
    ...routerRequestFlags,
    'same-key': flag.boolean({ description: 'certify a key that another AS of the CA has too' }),
    idempotent: flag.boolean({ description: 'succeed if the change is already in effect' }),
  }

  protected override async execute(): Promise<RouterUpdateReport> {
    const { args, flags } = await this.parse(RouterAdd)
    const one = {
      asn: flags.asn,
      csr: await readRequestFile(flags.csr),
      routerId: flags['router-id'],
      comment: flags.note,
    }
    const session = await openSession(this.context(flags))
    const options = { dryRun: flags['dry-run'], idempotent: flags.idempotent }
    return updateRouters(session, args.ca, { add: [one], sameKey: flags['same-key'] }, options)
  }
}
