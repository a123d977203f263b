/** BRINE_UPGRADE_ONLY and KRILL_UPGRADE_ONLY: whatever the command is, the data is migrated and rebuilt, and nothing else happens. */
import { AppError } from '../../base/errors.js'

const NAMES = ['BRINE_UPGRADE_ONLY', 'KRILL_UPGRADE_ONLY'] as const

/** Does the environment ask for it? Throws `upgrade-only-invalid` (usage): in doubt nothing is migrated and nothing else is done. */
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
