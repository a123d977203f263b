/** The way from every older format to the present one. Invariant: a step, once released, is never changed; its fixture is never edited. */
import { FORMAT } from '../store/directory/data-dir.js'
import type { Step } from './step.js'
import { zeroToOne } from './zero-to-one.js'

const STEPS: readonly Step[] = [zeroToOne]

/** The steps from a format to the present one, in order; none from the present one. */
export function stepsFrom(format: number): readonly Step[] {
  return STEPS.filter((step) => step.from >= format && step.to <= FORMAT)
}
