/** Tokens of SoftHSM in a folder of their own, with keys that OpenSSL made. */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { OpensslBox } from './requests.js'

export const PIN = '271828'

export class SoftHsm {
  readonly dir: string
  readonly #box: OpensslBox

  /** Sets SOFTHSM2_CONF for this process and its children. */
  constructor(box: OpensslBox) {
    this.#box = box
    this.dir = box.path('softhsm')
    mkdirSync(join(this.dir, 'tokens'), { recursive: true })
    const lines = [
      `directories.tokendir = ${join(this.dir, 'tokens')}`,
      'objectstore.backend = file',
      'log.level = ERROR',
    ]
    process.env['SOFTHSM2_CONF'] = join(this.dir, 'softhsm2.conf')
    writeFileSync(join(this.dir, 'softhsm2.conf'), `${lines.join('\n')}\n`)
  }

  token(label: string): void {
    this.#run('--init-token', '--free', '--label', label, '--so-pin', '314159', '--pin', PIN)
  }

  /** Puts the key of a PEM file into a token. */
  put(token: string, keyFile: string, object: string, id: string): void {
    this.#box.run('pkcs8', '-topk8', '-nocrypt', '-in', keyFile, '-out', 'import.p8')
    this.#run('--import', this.#box.path('import.p8'), '--token', token, '--label', object, '--id', id, '--pin', PIN)
  }

  /** A file that holds a PIN. */
  pinFile(name: string, pin = PIN): string {
    const path = this.#box.path(name)
    writeFileSync(path, `${pin}\n`)
    chmodSync(path, 0o600)
    return path
  }

  #run(...args: readonly string[]): void {
    execFileSync('softhsm2-util', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  }
}
