/** A program that a test needs and this machine lacks: the test skips and says so; with BRINE_REQUIRE_VALIDATORS=1 it fails. */
import type { TestContext } from 'vitest'
import { findProgram } from '../peers/validators.js'

/** Ends the test: skipped, or failed where the machine is meant to have everything. */
export function missing(context: TestContext, what: string): never {
  if (process.env['BRINE_REQUIRE_VALIDATORS'] === '1') throw new Error(`BRINE_REQUIRE_VALIDATORS=1, missing: ${what}`)
  return context.skip(`missing: ${what}`)
}

/** The path of a program; ends the test where there is none. */
export function needProgram(context: TestContext, name: string): string {
  return findProgram(name) ?? missing(context, name)
}
