/** JSON of validators that the user names. */
import { AppError } from '../base/errors.js'
import { epochOf, type Instant, instantOf } from '../base/time.js'
import type { ResourceSet } from '../resources/types.js'
import { type VrpFile, VrpReader } from '../routing/vrp-reader.js'
import { type DataFile, readBytes } from './file-bytes.js'

export interface VrpData extends VrpFile, DataFile {}

/** Reads the VRPs of a validator that touch `scope`. Throws as `readBytes` does, and `vrps-unreadable` (usage) for other content or none. */
export async function readVrps(
  path: string,
  scope: Pick<ResourceSet, 'ipv4' | 'ipv6'>,
  now: Instant,
): Promise<VrpData> {
  const reader = new VrpReader(scope, epochOf(now))
  const file = await readBytes(path, (piece) => reader.push(piece)).catch((error: unknown) => {
    throw vrpError(path, error)
  })
  const read = endOf(path, reader)
  if (read.count === 0) throw unreadable(path, 'it has no VRP')
  return { ...read, path, time: read.made === undefined ? file.time : instantOf(read.made) }
}

function endOf(path: string, reader: VrpReader): VrpFile {
  try {
    return reader.end()
  } catch (error) {
    throw vrpError(path, error)
  }
}

function vrpError(path: string, error: unknown): unknown {
  return error instanceof SyntaxError || error instanceof RangeError ? unreadable(path, error.message) : error
}

function unreadable(path: string, why: string): AppError {
  return new AppError('usage', 'vrps-unreadable', `${path} is not the JSON of a validator: ${why}`, {
    hint: 'rpki-client -j writes it, and routinator vrps --format json',
    details: { path },
  })
}
