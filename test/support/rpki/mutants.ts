/** Mutants of DER objects that differ from a valid one in a single element. */
import type { ObjectFinding } from '../../../src/core/der/findings.js'
import { createFindings } from '../../../src/core/der/findings.js'
import { contentOf, type DerNode, elementsIn, parseDer } from '../../../src/core/der/reader.js'
import { encode } from '../../../src/core/der/writer.js'

interface Tree {
  readonly tag: number
  readonly content: Uint8Array
  readonly children: readonly Tree[] | undefined
}

/** Returns the tree of an object; strings that contain DER are opened. */
function treeOf(node: DerNode): Tree {
  const content = contentOf(node)
  const inner =
    node.tag === 0x04 && content[0] !== undefined && content.length > 3
      ? parseDer(content, createFindings())
      : undefined
  const isWhole = inner !== undefined && inner.next === content.length && (inner.tag & 0x20) !== 0
  const children = (node.tag & 0x20) !== 0 ? elementsIn(node).map(treeOf) : isWhole ? [treeOf(inner)] : undefined
  return { tag: node.tag, content, children }
}

function bytesOf({ tag, content, children }: Tree): Uint8Array {
  const body = children === undefined ? content : Buffer.concat(children.map(bytesOf))
  return encode({ tag, content: body, size: body.length })
}

const NULL: Tree = { tag: 5, content: new Uint8Array(), children: undefined }

/** Yields every tree that differs in one place, with the path to it. */
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

/** Returns the paths of changes that `decode` has no finding about: an element replaced by NULL, doubled, or with one member too many. */
export function survivors(
  bytes: Uint8Array,
  decode: (bytes: Uint8Array) => { readonly findings: readonly ObjectFinding[] },
): string[] {
  const node = parseDer(bytes, createFindings())
  if (node === undefined) throw new Error('not DER')
  if (decode(bytes).findings.length > 0) throw new Error('not a valid object')
  return [...mutants(treeOf(node), '')]
    .filter(([, tree]) => decode(bytesOf(tree)).findings.length === 0)
    .map(([path]) => path)
}
