/** BRINE_UPGRADE_ONLY and KRILL_UPGRADE_ONLY: migrate and rebuild the data directory in place of the given command. */
import { AppError } from '../../base/errors.js'

const NAMES = ['BRINE_UPGRADE_ONLY', 'KRILL_UPGRADE_ONLY'] as const

/** Returns true if the environment asks for the migration alone. Throws `upgrade-only-invalid` (usage) for an unclear value. */
export function asksForUpgradeOnly(env: Readonly<Record<string, string | undefined>>): boolean {
  return NAMES.some((name) => {
    const value = env[name] ?? ''
    if (value === '' || value === '0' || value === 'false') return false
    if (value === '1' || value === 'true') return true
    throw new AppError(
      'usage',
      'upgrade-only-invalid',
      `${name} is neither 1 nor 0: ${JSON.stringify(value.slice(0, 60))}`,
      {
        hint: `unset ${name}, or set it to 1`,
      },
    )
  })
}
