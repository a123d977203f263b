/** Violations of a plan, with their places in the file. */
import { AppError, faultsOf, rejection, rewrap, type Violation } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import type { PlanRow } from '../../desired-state/difference.js'
import type { StateFile } from '../../desired-state/read.js'
import { Rejected } from '../../eventsourcing/work.js'

/** A violation, and the CA and row that it is about. */
export interface PlacedViolation {
  readonly ca: Handle
  readonly item: PlanRow['item']
  readonly name: string
  readonly violation: Violation
}

export function childUnknown(ca: Handle, child: Handle): AppError {
  return new AppError(
    'rejected',
    'child-unknown',
    `${ca} has no child ${child}, and a child elsewhere is added by its request: brine child add ${ca} ${child} --request FILE`,
  )
}

export function childIsCa(ca: Handle, child: Handle): AppError {
  return new AppError(
    'rejected',
    'child-is-ca',
    `${child} is a CA of this data directory: what ${ca} gives to it is in the parents of [[ca]] ${child}`,
  )
}

/** Returns the violations of a rejection by a rule. Throws any other error. */
export function violationsOf(error: unknown): readonly Violation[] {
  const rejected = error instanceof Rejected ? error.error : error
  if (!(rejected instanceof AppError) || rejected.kind !== 'rejected') throw error
  const faults = faultsOf(rejected)
  return faults.length > 0 ? faults : [{ code: rejected.code, message: rejected.message, details: rejected.details }]
}

/** Returns the error that names all violations with their places. */
export function planRejected(found: readonly PlacedViolation[], { placeOf }: StateFile): AppError {
  const placed = found.map(({ ca, item, name, violation }) => {
    const { place, line } = placeOf(ca, item, name)
    const details = { ...(violation.details as object | undefined), ca, ...(line === undefined ? {} : { line }) }
    return { code: violation.code, message: `${place}: ${ca}: ${violation.message}`, details, line: line ?? 0 }
  })
  const sorted = placed.sort((a, b) => a.line - b.line).map(({ line: _, ...violation }) => violation)
  const isHeld = found.some(({ violation }) => /not-held$/.test(violation.code))
  return rejection(sorted, isHeld ? 'brine ca list shows what each CA holds' : undefined)
}

/** Returns the error of a step that a rule rejected after other steps were committed, with the CA in its message. */
export function withCa(error: AppError, ca: Handle): AppError {
  return rewrap(error, { message: `${ca}: ${error.message}` })
}

/** Returns the error of a plan that another command has overtaken. */
export function planOutdated(): AppError {
  return new AppError('rejected', 'plan-outdated', 'another command has changed it since the plan was made', {
    hint: 'read the new plan: brine plan FILE',
  })
}
