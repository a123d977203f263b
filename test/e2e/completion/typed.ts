/** An interactive shell on a terminal of its own, to which a test types. */
import { spawn } from 'node:child_process'

const PROMPT = 'ready> '
const LIMIT_MS = 20_000

/**
 * Starts a shell by its command line, types each of the texts after a prompt (a tab is a press of TAB), and returns what it has written.
 * The command line has to set the prompt to `ready> `.
 */
export async function typeInto(command: string, texts: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const shell = spawn('script', ['-qec', command, '/dev/null'], { env: { ...env, TERM: 'dumb', PS1: PROMPT } })
  let seen = ''
  shell.stdout.on('data', (chunk: Buffer) => {
    seen += chunk.toString()
  })
  const ended = new Promise((resolve) => void shell.on('close', resolve))
  const until = Date.now() + LIMIT_MS
  for (const text of [...texts, 'exit\n']) {
    const from = seen.length === 0 ? 0 : seen.lastIndexOf('\n')
    while (!seen.slice(from).includes(PROMPT)) {
      if (Date.now() > until) break
      await new Promise((resolve) => void setTimeout(resolve, 20))
    }
    seen += '\n'
    shell.stdin.write(text)
  }
  const timer = setTimeout(() => shell.kill('SIGKILL'), LIMIT_MS)
  await ended
  clearTimeout(timer)
  return seen
}
