/** Every single-object defect of the matrix is a finding under its rule; objects that all validators accept are not refused. */
import { describe, expect, it } from 'vitest'
import { formatFinding } from '../../../../src/core/der/findings.js'
import { checkBeforePublish } from '../../../../src/core/rpki/check-before-publish.js'
import { inspectObject } from '../../../../src/core/rpki/inspect/inspect.js'
import { GOOD, MATRIX } from '../../../support/rpki/defect-matrix.js'
import { CA, NOW, TA } from '../../../support/rpki/parts.js'

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
const issuerOf = (path: string): { spki: Uint8Array } => (path.includes('/ca/') ? CA : TA)

/** Defects that validators accept although a standard forbids them: never published. */
const LINT = new Set(
  (
    'algNoParams kuUnused0 siaNoSlash gtBefore2050 serialZero subjUtf8 econtentConstructed econtentChunked2 indefinite longLen ' +
    'attrsUnsorted stGeneralized stFuture digestNull sigAlgSha256Rsa sigAlgSha256RsaNoParams sigAlgRsaNoParams siaNotifyInEE ' +
    'dupPrefix unsortedPrefixes roaV6First crlEmptyRevoked crlAlgNoParams extUnknown as0mixed asRange'
  ).split(' '),
)

describe('inspectObject over the matrix of defects', () => {
  it.each(GOOD)('given a good $id, then no finding', async ({ path, bytes }) => {
    const object = bytes()
    expect((await inspectObject(path, object, NOW)).faults).toEqual([])
    expect(await checkBeforePublish(baseName(path), object, issuerOf(path))).toEqual([])
  })

  it.each(MATRIX.filter((c) => c.expect !== 'ok'))(
    'given $id, then refused under $expect',
    async ({ path, bytes, expect: rule }) => {
      const { faults, accepted } = await inspectObject(path, bytes(), NOW)
      const lines = faults.map((fault) => formatFinding(path, fault))
      expect(
        faults.filter((f) => f.tolerated !== true).map((f) => f.rule),
        lines.join('\n'),
      ).toContainEqual(expect.stringMatching(new RegExp(`^${rule.replaceAll('.', '\\.')}`)))
      expect(accepted).toBe(false)
    },
  )

  it.each(MATRIX.filter((c) => c.expect === 'ok'))(
    'given $id, which validators accept, then not refused',
    async ({ path, bytes }) => {
      const { faults, accepted } = await inspectObject(path, bytes(), NOW)
      expect(accepted, faults.map((fault) => formatFinding(path, fault)).join('\n')).toBe(true)
    },
  )

  it.each(MATRIX.filter((c) => LINT.has(c.id.replace(/^.*:/, ''))))(
    'given $id, then a finding, marked as tolerated',
    async ({ path, bytes }) => {
      const object = bytes()
      const { faults } = await inspectObject(path, object, NOW)
      expect(faults.map((f) => f.tolerated)).toContain(true)
      expect(await checkBeforePublish(baseName(path), object, issuerOf(path))).not.toEqual([])
    },
  )
})
