/** `init`: creates a data directory with a marker, a commented configuration, and an HTTPS key and certificate. */
import { hostname } from 'node:os'
import { toHex, utf8 } from '../../base/bytes.js'
import type { CommandContext } from '../../base/context.js'
import { addSeconds } from '../../base/time.js'
import { configTemplate } from '../../config/template.js'
import { systemRandom } from '../../crypto/random.js'
import { selfSignedTls, TLS_SECONDS } from '../../pki/self-signed.js'
import { initDataDir } from '../../store/directory/init-data-dir.js'
import { type TreeLockRequest, withTreeLock } from '../../store/directory/tree-lock.js'
import { startTime } from '../session/clock.js'

export interface InitReport {
  readonly dataDir: string
  readonly format: number
  readonly id: string
  readonly test: boolean
}

type LockOptions = Partial<Pick<CommandContext, 'command' | 'lockTimeoutSeconds' | 'onNotice'>>

export interface InitOptions extends LockOptions, Pick<CommandContext, 'nowOverride'> {
  readonly dataDir: string
  readonly test: boolean
}

/** Creates the data directory, which must be missing or empty. Throws `init-not-empty` (rejected), `locked`, `io`. */
export async function initDirectory(options: InitOptions): Promise<InitReport> {
  return withTreeLock(options.dataDir, treeLockRequest(options), () => createDirectory(options))
}

/** Returns how a command waits for the lock of a whole tree. */
export function treeLockRequest({
  command = 'brine init',
  lockTimeoutSeconds,
  onNotice,
}: LockOptions): TreeLockRequest {
  return { timeout: lockTimeoutSeconds ?? 30, command, long: true, warn: (text) => onNotice?.(text) }
}

/** Creates the data directory. The caller holds the lock of the tree. */
export async function createDirectory({ dataDir, test, nowOverride }: InitOptions): Promise<InitReport> {
  const { at } = startTime(nowOverride, test)
  const hosts = [...new Set(['localhost', hostname()])].filter((h) => /^[A-Za-z0-9.-]+$/.test(h))
  const tls = await selfSignedTls(hosts, at, addSeconds(at, TLS_SECONDS), systemRandom)
  const marker = initDataDir(dataDir, {
    id: toHex(systemRandom.bytes(16)),
    createdAt: at,
    test,
    files: [
      { path: 'brine.toml', bytes: utf8(configTemplate()) },
      { path: 'ssl/key.pem', bytes: utf8(tls.keyPem) },
      { path: 'ssl/cert.pem', bytes: utf8(tls.certPem) },
    ],
  })
  return { dataDir, format: marker.format, id: marker.id, test }
}
