/** Every element of a good object counts: replaced by NULL, doubled, or with one member too many, it is a fault. */
import { describe, expect, it } from 'vitest'
import type { ObjectFinding } from '../../../src/core/der/findings.js'
import { createFindings } from '../../../src/core/der/findings.js'
import { childrenOf, contentOf, type DerNode, parseDer } from '../../../src/core/der/reader.js'
import { encode } from '../../../src/core/der/writer.js'
import { decodeAspa } from '../../../src/core/rpki/aspa.js'
import { decodeCrl } from '../../../src/core/rpki/crl.js'
import { decodeManifest } from '../../../src/core/rpki/manifest.js'
import { decodeRoa } from '../../../src/core/rpki/roa.js'
import { parseSignedObject } from '../../../src/core/rpki/signed-object/decode-envelope.js'
import { decodeCertificate } from '../../../src/core/rpki/x509/decode-certificate.js'
import { aspaContent, certificate, crl, manifestContent, roa, roaContent } from '../../support/rpki/objects.js'

interface Tree {
  readonly tag: number
  readonly content: Uint8Array
  readonly children: readonly Tree[] | undefined
}

/** The tree of an object; strings that hold DER of their own are opened. */
function treeOf(node: DerNode): Tree {
  const content = contentOf(node)
  const inner =
    node.tag === 0x04 && content[0] !== undefined && content.length > 3
      ? parseDer(content, createFindings())
      : undefined
  const isWhole = inner !== undefined && inner.next === content.length && (inner.tag & 0x20) !== 0
  const children = (node.tag & 0x20) !== 0 ? childrenOf(node).map(treeOf) : isWhole ? [treeOf(inner)] : undefined
  return { tag: node.tag, content, children }
}

function bytesOf({ tag, content, children }: Tree): Uint8Array {
  const body = children === undefined ? content : Buffer.concat(children.map(bytesOf))
  return encode({ tag, content: body, size: body.length })
}

const NULL: Tree = { tag: 5, content: new Uint8Array(), children: undefined }

/** Every tree that differs in one place, with the path to it. */
function* mutants(tree: Tree, path: string): Generator<readonly [string, Tree]> {
  const { children } = tree
  if (children === undefined) return
  yield [`${path}+`, { ...tree, children: [...children, NULL] }]
  for (const [i, child] of children.entries()) {
    const here = `${path}/${i}`
    const replaced = (by: readonly Tree[]): Tree => ({
      ...tree,
      children: children.flatMap((c, j) => (i === j ? by : [c])),
    })
    if (child.tag !== 5) yield [`${here}=NULL`, replaced([NULL])]
    yield [`${here}x2`, replaced([child, child])]
    for (const [where, changed] of mutants(child, here)) yield [where, replaced([changed])]
  }
}

function survivors(
  bytes: Uint8Array,
  decode: (bytes: Uint8Array) => { readonly findings: readonly ObjectFinding[] },
): string[] {
  const node = parseDer(bytes, createFindings())
  if (node === undefined) throw new Error('not DER')
  const base = decode(bytes).findings
  expect(base).toEqual([])
  return [...mutants(treeOf(node), '')]
    .filter(([, tree]) => decode(bytesOf(tree)).findings.length === 0)
    .map(([path]) => path)
}

/** NULL stands for `inherit`; the eContent is its own decoder's to judge; a signature of another type does not verify. */
const ALLOWED = [
  /^\/0\/7\/0\/8\/2\/0\/\d\/1=NULL$/,
  /^\/0\/7\/0\/9\/2\/0\/0\/0=NULL$/,
  /^\/1\/0\/3\/0\/0\/7\/0\/7\/2\/0\/0\/1=NULL$/,
  /^\/1\/0\/2\/1\/0(\/|\+)/,
  /^\/1\/0\/4\/0\/5=NULL$/,
]

const envelope = (bytes: Uint8Array): { readonly findings: readonly ObjectFinding[] } => {
  const findings = createFindings()
  const node = parseDer(bytes, findings)
  if (node !== undefined) parseSignedObject(node, findings)
  return {
    findings: findings
      .all()
      .filter(
        (fault) =>
          !fault.message.includes('signature does not verify') && !fault.message.includes('message digest is not'),
      ),
  }
}

describe('one element of a good object changed', () => {
  it.each([
    ['a CA certificate', certificate('ca'), decodeCertificate],
    ['a CRL', crl(), decodeCrl],
    ['the content of a manifest', manifestContent(), decodeManifest],
    ['the content of a ROA', roaContent(), decodeRoa],
    ['the content of an ASPA', aspaContent(), decodeAspa],
    ['a signed object', roa(), envelope],
  ])('is a fault in %s', (_what, bytes, decode) => {
    expect(survivors(bytes, decode).filter((path) => !ALLOWED.some((allowed) => allowed.test(path)))).toEqual([])
  })
})
