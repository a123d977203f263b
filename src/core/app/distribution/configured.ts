/** Refusal of the repository sections of `brine.toml` if one of them has a fault: a pool file without a server would take that server out. */
import { AppError } from '../../base/errors.js'
import type { Session } from '../session/session.js'

/** Throws `config-section-invalid` (usage) with the first fault. */
export function refuseDisabledServers({ loaded, configPath }: Pick<Session, 'loaded' | 'configPath'>): void {
  const { disabled } = loaded.repository
  if (disabled === null) return
  throw new AppError(
    'usage',
    'config-section-invalid',
    `the repository servers cannot be used: ${configPath}, ${disabled}`,
    {
      hint: 'correct the file, then run: brine config check',
    },
  )
}
