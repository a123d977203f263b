/** `brine roa add`: adds ROAs to a CA in one transaction. */
import { RoaChange } from '../../core/cli/roa-change.js'
import { dateFlags, ROA_FORMATS, SKIPPED_STATUS, skipFlag } from '../../core/cli/roa-input.js'

export default class RoaAdd extends RoaChange {
  static override summary = 'add ROAs to a CA'
  static override description =
    `${ROA_FORMATS} With --from the ROAs are scheduled: tick adds them, and roa remove cancels them.`
  static override exitStatus = SKIPPED_STATUS
  static override examples = [
    '<%= config.bin %> roa add acme "192.0.2.0/24-28 => 64496 # office"',
    '<%= config.bin %> roa add acme 192.0.2.0/24=AS64496 2001:db8::/32-48=AS64496 --dry-run',
    '<%= config.bin %> roa add acme 192.0.2.0/24=AS64496 --from 2026-12-01T00:00:00Z --until 2027-01-01T00:00:00Z',
    '<%= config.bin %> roa add acme --file roas.csv',
    '<%= config.bin %> roa add acme --file roas.csv --skip-not-held',
  ]
  static override flags = { ...RoaChange.flags, ...skipFlag, ...dateFlags }
  protected override readonly verb = 'add'
}
