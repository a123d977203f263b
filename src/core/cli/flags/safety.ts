/** Flags by which a user accepts the effects of a change that would be held or refused. */
import type { CommandContext, SafetyOptions } from '../../base/context.js'
import { flag } from './flags.js'
import { namedSources, type RoutingValues } from './routing.js'

const limitFlags = {
  'max-removals': flag.integer({
    description: 'let up to N VRPs vanish; default: 5, or 10 % of those of a CA and 1 % of all, whatever is more',
  }),
  'allow-invalid-repository': flag.boolean({
    description: 'although a route to a repository, parent or name server becomes invalid; needs --reason',
  }),
}

/** Flags of commands that change VRPs and ask for confirmation themselves. */
export const safetyFlags = limitFlags

/** Flags of commands that change VRPs without a question. */
export const roaSafetyFlags = {
  ...limitFlags,
  yes: flag.boolean({ description: 'with --reason: accept what the limits of a change hold' }),
}

/** Condition of `safetyFlags`. */
export const SAFETY_NEEDS = [
  {
    code: 'reason-required',
    oneOf: { reason: '' },
    with: 'allow-invalid-repository',
    message: '--allow-invalid-repository needs --reason TEXT',
  },
] as const

interface SafetyValues extends RoutingValues {
  readonly 'max-removals'?: number | undefined
  readonly 'allow-invalid-repository'?: boolean | undefined
  readonly yes?: boolean | undefined
  readonly reason?: string | undefined
}

/** Returns the context with what the command line accepts, and with it in the reason that history keeps. */
export function withSafety(context: CommandContext, flags: SafetyValues): CommandContext {
  const safety = safetyOf(flags)
  const reason = recordedReason(context.reason, safety)
  return { ...context, safety, ...(reason === undefined ? {} : { reason }) }
}

function safetyOf(flags: SafetyValues): SafetyOptions {
  return {
    ...namedSources(flags),
    maxRemovals: flags['max-removals'],
    isAccepted: flags.yes === true && flags.reason !== undefined,
    allowInvalidRepository: flags['allow-invalid-repository'] === true,
  }
}

function recordedReason(
  reason: string | undefined,
  { maxRemovals, allowInvalidRepository }: SafetyOptions,
): string | undefined {
  const accepted = [
    ...(maxRemovals === undefined ? [] : [`--max-removals ${maxRemovals}`]),
    ...(allowInvalidRepository ? ['--allow-invalid-repository'] : []),
  ]
  if (accepted.length === 0) return reason
  return [...(reason === undefined ? [] : [reason]), `(${accepted.join(' ')})`].join(' ')
}
