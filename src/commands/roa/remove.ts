/** `brine roa remove`: removes ROAs from a CA in one transaction. */
import { RoaChange } from '../../core/cli/roa-change.js'
import { ROA_FORMATS } from '../../core/cli/roa-input.js'

export default class RoaRemove extends RoaChange {
  static override summary = 'remove ROAs from a CA'
  static override description = `${ROA_FORMATS} Removing a scheduled ROA cancels it.`
  static override examples = [
    '<%= config.bin %> roa remove acme "192.0.2.0/24-28 => 64496"',
    '<%= config.bin %> roa list acme --asn AS64496 --csv | <%= config.bin %> roa remove acme --file -',
  ]
  protected override readonly verb = 'remove'
}
