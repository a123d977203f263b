/** State of the process that every command relies on. */
import { guardStdout } from './stdout.js'

/** Sets it before a command runs. */
export function prepareProcess(): void {
  guardStdout()
  // a write beyond `ulimit -f` fails with EFBIG then, instead of ending the process
  process.on('SIGXFSZ', () => undefined)
  // what has to be readable by others gets its mode explicitly
  process.umask(0o077)
}
