/** `brine cgi --fastcgi` on a socket, until it is stopped. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { projectDir } from '../processes/brine-shim.js'

export interface ServedWorker {
  readonly stop: () => Promise<void>
}

/** Starts the worker with further flags and environment variables; resolves once it listens. Rejects if it ends before. */
export async function startWorker(
  dataDir: string,
  socket: string,
  flags: readonly string[] = [],
  more: Readonly<Record<string, string>> = {},
): Promise<ServedWorker> {
  const args = [join(projectDir, 'bin/run.js'), 'cgi', '--fastcgi', socket, '--idle', '1h', '--data-dir', dataDir]
  const worker = spawn(process.execPath, [...args, ...flags], {
    ...{ env: { PATH: process.env['PATH'] ?? '', ...more }, stdio: ['ignore', 'ignore', 'inherit'] },
  })
  const ended = new Promise<void>((resolve) => worker.once('close', () => resolve()))
  while (!existsSync(socket)) {
    if (worker.exitCode !== null) throw new Error(`the worker ended with ${worker.exitCode}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return {
    stop: () => {
      worker.kill('SIGTERM')
      return ended
    },
  }
}
