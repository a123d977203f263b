/**
 * Key rolls that are given up before the activation. The new key is handled as an old one from then on: it publishes its empty manifest and CRL
 * until the parent has revoked it, and its private half is retired then.
 */
import type { Violation } from '../base/errors.js'
import { isKeyId, isText, isTime } from '../base/shape.js'
import { commandsOn, type EventOf, eventsOn } from '../eventsourcing/declare.js'
import type { IssuingPorts } from '../issuing/ports.js'
import { nextKey, rollStage } from './state/roll-state.js'
import { type CaState, type ResourceClass, withClass } from './state/state.js'

const event = eventsOn<CaState>()

export const keyrollCancelEvents = {
  /** `ski` is the new key. Without its roll the key waits for nothing but the parent. */
  'keyroll.cancelled': event({ class: isText, ski: isKeyId, at: isTime }, (state, { class: name, ski }) =>
    withClass(state, name, ({ roll: _, ...own }) => {
      return { ...own, keys: own.keys.map((key) => (key.ski === ski ? { ...key, state: 'old' } : key)) }
    }),
  ),
}

interface Cancellation {
  /** Null: every class whose new key is not activated yet. */
  readonly className: string | null
}

const command = commandsOn<CaState, EventOf<typeof keyrollCancelEvents>, IssuingPorts>()

export const keyrollCancelCommands = {
  'keyroll.cancel': command<Cancellation>({
    check: checkCancellation,
    decide: (state, { className }, { clock }) =>
      named(state, className).flatMap((own) => {
        const next = nextKey(own)
        if (next === undefined) return []
        return [{ type: 'keyroll.cancelled', class: own.name, ski: next.ski, at: clock.now() }]
      }),
    publishesOnly: false,
    summarize: ({ className }) => ({ class: className }),
  }),
}

function named({ classes }: CaState, className: string | null): readonly ResourceClass[] {
  return Object.values(classes).filter(({ name }) => className === null || name === className)
}

function checkCancellation(state: CaState, { className }: Cancellation): readonly Violation[] {
  const classes = named(state, className)
  if (className !== null && classes.length === 0)
    return [{ code: 'class-unknown', message: `${state.handle} has no resource class ${className}` }]
  if (classes.some((own) => nextKey(own) !== undefined)) return []
  const late = classes.filter((own) => rollStage(own) === 'old')
  if (late.length === 0) {
    const message = `${state.handle} has no key roll${className === null ? '' : ` in class ${className}`}`
    return [{ code: 'keyroll-none', message }]
  }
  return late.map(({ name, roll }) => ({
    code: 'keyroll-activated',
    message:
      roll === undefined
        ? `class ${name}: the roll is cancelled already, and its new key waits to be revoked by the parent`
        : `class ${name}: the new key is activated already, and the old one waits to be revoked by the parent`,
  }))
}
