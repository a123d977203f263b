/** Checks of the program itself: Node, and the build that fits it. */
import { join } from 'node:path'
import { textOf } from '../../audit/host-survey.js'
import { type DoctorCheck, fault, ok, warning } from './check.js'

export interface ProgramFacts {
  /** Folder of the installed program. */
  readonly root: string
  readonly version: string
  /** `v20.19.0` */
  readonly node: string
  readonly platform: string
  readonly arch: string
}

/** The oldest Node that the program runs on. */
const OLDEST: readonly [number, number] = [20, 19]

/** Checks the version of Node, and that the stored code was compiled by this one. */
export function programChecks({ root, version, node, platform, arch }: ProgramFacts): readonly DoctorCheck[] {
  const [major = 0, minor = 0] = node.replace(/^v/, '').split('.').map(Number)
  const name = `brine ${version} on Node ${node}, ${platform} ${arch}`
  const [oldMajor, oldMinor] = OLDEST
  if (major < oldMajor || (major === oldMajor && minor < oldMinor))
    return [
      fault(
        'program',
        'node-old',
        `${name}: Node ${OLDEST.join('.')} is the oldest that it runs on`,
        'install a newer Node',
      ),
    ]
  const built = builtBy(root)
  if (built !== undefined && built !== node)
    return [
      warning(
        'program',
        'build-other-node',
        `${name}, built by Node ${built}: commands start slower`,
        'build the package again with this Node',
      ),
    ]
  return [ok('program', name)]
}

/** Returns the version of Node that the build was made with; undefined for a build that does not say. */
function builtBy(root: string): string | undefined {
  return /"node":"(v[\d.]+)"/.exec(textOf(join(root, 'dist', 'build.json')) ?? '')?.[1]
}
