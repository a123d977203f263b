/** The steps from every older format to the present one. Invariant: a released step is never changed, and its frozen directory is never edited. */
import { FORMAT } from '../store/directory/data-dir.js'
import { oneToTwo } from './one-to-two.js'
import type { Step } from './step.js'

const STEPS: readonly Step[] = [oneToTwo]

/** Returns the steps from a format to the present one, in order; none for the present one. */
export function stepsFrom(format: number): readonly Step[] {
  return STEPS.filter((step) => step.from >= format && step.to <= FORMAT)
}
