/** Reads the section `[hooks]`. Invariant: without faults it names a program and at least one outcome. */
import { quoted } from '../../base/text.js'
import { type PlacedFault, TableReader } from '../tables.js'
import { HOOKS_TABLE, type HooksConfig, NO_HOOKS, OUTCOMES, type OutcomeName } from './schema.js'

const MAX_SECONDS = 300

/** Reads the table; findings are added to `faults`. */
export function readHooks(root: Readonly<Record<string, unknown>>, faults: PlacedFault[]): HooksConfig {
  const hooks = new TableReader(root, [], faults).table(HOOKS_TABLE)
  const config: HooksConfig = {
    program: hooks.requiredPath('program'),
    on: outcomes(hooks),
    timeout: hooks.duration('timeout', 1, MAX_SECONDS) ?? NO_HOOKS.timeout,
    disabled: null,
  }
  hooks.close()
  return config
}

function outcomes(table: TableReader): readonly OutcomeName[] {
  const names = table.texts('on')
  const known = `on must be a list of: ${OUTCOMES.join(', ')}`
  if (names === undefined || names.length === 0) {
    table.wrong('on', known)
    return []
  }
  const wrong = names.find((name) => !(OUTCOMES as readonly string[]).includes(name))
  if (wrong !== undefined) table.wrong('on', `${known}, not ${quoted(wrong)}`)
  return OUTCOMES.filter((name) => names.includes(name))
}
