/** A Krill as server in the same run: started on loopback, asked over HTTPS on connections that stay open, as a proxy does. */
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { join } from 'node:path'
import { Krill, krillPrograms } from '../../test/support/peers/krill.js'
import type { Served } from './cgi.js'

const agent = new Agent({ keepAlive: true, rejectUnauthorized: false })

/** Starts a Krill with its testbed; undefined where it is not installed. */
export async function startKrill(dir: string): Promise<Krill | undefined> {
  const programs = krillPrograms()
  return programs === undefined ? undefined : Krill.start(dir, programs, { testbed: true })
}

export const pidOf = (krill: Krill): number => Number(readFileSync(join(krill.dir, 'krill.pid'), 'utf8'))

/** Sends a message to Krill. Throws the answer if its status is not 200. */
export function requestToKrill(krill: Krill, path: string, type: string, body: Uint8Array): Promise<Served> {
  return new Promise((resolve, reject) => {
    const started = performance.now()
    const headers = { 'Content-Type': type, 'Content-Length': body.length }
    const asked = request({ ...{ host: 'localhost', port: krill.port, path, method: 'POST' }, headers, agent })
    asked.on('error', reject)
    asked.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const answer = Buffer.concat(chunks)
        if (response.statusCode !== 200) reject(new Error(`${response.statusCode} ${answer.toString()}`))
        else resolve({ body: answer, wait: performance.now() - started, peak: 0 })
      })
    })
    asked.end(body)
  })
}
