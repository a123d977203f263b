/** Flags and steps of `answer`: a message from a file or standard input, and the signed answer to a file or standard output. */
import { answerByHand, type HandAnswer } from '../../app/exchange/server/answer-by-hand.js'
import { assertNotExists, readOctets, writePublicDocument } from '../../app/operations/user-files.js'
import type { Session } from '../../app/session/session.js'
import { toBase64 } from '../../base/bytes.js'
import { AppError } from '../../base/errors.js'
import { printable } from '../../base/text.js'
import type { ProtocolPath } from '../../protocols/message-request.js'
import { readStdin } from '../stdin.js'
import { writeOut } from '../stdout.js'
import { flag } from './flags.js'

export const messageFlags = {
  request: flag.path({ required: true, description: 'the message: DER, PEM or base64; - reads standard input' }),
  out: flag.path({ description: 'write the answer (DER) to a new file; default: standard output' }),
}

/** Exit codes of the commands that answer one message. */
export const messageExits = {
  0: 'answered',
  1: 'refused: by an answer with an error, which is written too, or without an answer',
}

export interface MessageReport extends Omit<HandAnswer, 'cms'> {
  readonly changed: string
  readonly out: string | null
  /** The answer in base64; null if it was written elsewhere. */
  readonly cms: string | null
}

interface Answering {
  readonly path: ProtocolPath
  readonly request: string
  readonly out: string | undefined
  readonly json: boolean
  readonly quiet: boolean
  readonly open: () => Promise<Session>
  readonly watch: { readonly changed: 'yes' | 'no' | 'unknown' }
}

/**
 * Answers a message and writes the answer. The report goes to standard error where standard output has the answer. Throws
 * `stdout-terminal`, `file-exists`, `file-unreadable` (usage) before anything is done, and as `answerByHand`.
 */
export async function answerMessageFile(options: Answering): Promise<MessageReport> {
  const { path, request, out, json, quiet, open, watch } = options
  if (out === undefined && !json && process.stdout.isTTY === true)
    throw new AppError('usage', 'stdout-terminal', 'an answer in CMS is not written to a terminal', {
      hint: 'redirect standard output, or name a file: --out FILE',
    })
  assertNotExists(out)
  const message = request === '-' ? await readStdin() : readOctets(request)
  const { cms, ...answer } = await answerByHand(await open(), path, message)
  if (out !== undefined) writePublicDocument(out, cms)
  const isEmbedded = out === undefined && json
  const { changed } = watch
  const report = { ...answer, changed, out: out ?? null, cms: isEmbedded ? toBase64(cms) : null }
  if (out === undefined && !json) {
    await writeOut(cms, changed)
    if (!quiet) process.stderr.write(`${answerView(report)}\n`)
  }
  return report
}

/** Returns the report in words. */
export function answerView({ service, handle, peer, answer, errors, out }: MessageReport): string {
  const to = service === 'rfc6492' ? `${peer}, a child of ${handle}` : `the publisher ${peer}`
  return [
    `${out === null ? '' : `${out}: `}${answer} to ${to}`,
    ...errors.map(({ code, message }) => printable(`${code}: ${message}`)),
  ].join('\n')
}
