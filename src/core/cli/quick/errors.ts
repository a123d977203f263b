/** The request of an exit code: the build puts this class in the place of the one in `@oclif/core/errors`. */
export class ExitError extends Error {
  readonly code = 'EEXIT'
  readonly oclif: { readonly exit: number }

  constructor(exit = 1) {
    super(`EEXIT: ${exit}`)
    this.oclif = { exit }
  }
}
