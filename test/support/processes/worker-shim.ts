/**
 * `brine` on PATH for scripts of a test, as a program that hands its command to a worker of the test process (workers.ts): a script of many
 * commands waits for no start of the program. Arguments, environment, folder, umask, standard input and both outputs are passed on.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { Workers } from './workers.js'

export interface WorkerShim {
  readonly stop: () => void
}

const script = (folder: string, port: number): string => `#!/bin/bash
job=$(mktemp '${folder}/job-XXXXXX')
printf '%s\\0' "$PWD" "$(umask)" "$#" "$@" > "$job"
env -0 >> "$job"
cat > "$job.in"
exec 9<>/dev/tcp/127.0.0.1/${port}
printf '%s\\n' "$job" >&9
read -r code <&9
cat "$job.err" >&2
cat "$job.out"
exit "$code"
`

/** Runs the command that a script has written to a file; returns its exit code. */
async function runJob(workers: Workers, job: string): Promise<number> {
  const [cwd = '', umask = '', count = '', ...rest] = readFileSync(job, 'utf8').split('\0').slice(0, -1)
  const args = rest.slice(0, Number(count))
  const env = rest.slice(Number(count)).map((pair) => {
    const at = pair.indexOf('=')
    return [pair.slice(0, at), pair.slice(at + 1)] as const
  })
  const input = readFileSync(`${job}.in`, 'utf8')
  const all = { args, env: Object.fromEntries(env), input, cwd, umask: Number.parseInt(umask, 8) }
  const { code, stdout, stderr } = await workers.run(all)
  writeFileSync(`${job}.out`, stdout)
  writeFileSync(`${job}.err`, stderr)
  return code ?? 70
}

/** Writes `folder/bin/brine`, which works until it is stopped. */
export function writeWorkerShim(folder: string): Promise<WorkerShim> {
  const workers = new Workers()
  const server = createServer((connection) => {
    connection.on('error', () => connection.destroy())
    connection.once('data', (line: Buffer) => {
      runJob(workers, line.toString().trim()).then(
        (code) => connection.end(`${code}\n`),
        () => connection.destroy(),
      )
    })
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      mkdirSync(join(folder, 'bin'), { recursive: true, mode: 0o755 })
      writeFileSync(join(folder, 'bin', 'brine'), script(folder, port), { mode: 0o755 })
      resolve({ stop: () => void server.close() })
    })
  })
}
