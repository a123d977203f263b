/** BRINE_FORCE_RECOVER and KRILL_FORCE_RECOVER: run a full recovery before the command. */
import { AppError } from '../../base/errors.js'

/** Returns true if the environment asks for a recovery. Throws `force-recover-invalid` (usage) for an unclear value, since a recovery may lose commands. */
export function asksForRecovery(env: Readonly<Record<string, string | undefined>>): boolean {
  return ['BRINE_FORCE_RECOVER', 'KRILL_FORCE_RECOVER'].some((name) => {
    const value = env[name] ?? ''
    if (/^(?:1|true)$/.test(value)) return true
    if (/^(?:|0|false)$/.test(value)) return false
    const message = `${name} is neither 1 nor 0: ${JSON.stringify(value.slice(0, 60))}`
    throw new AppError('usage', 'force-recover-invalid', message, { hint: `unset ${name}, or set it to 1` })
  })
}
