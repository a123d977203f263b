/** The Merkle tree of RFC 6962: published roots, and a naive copy of the definition beside it. */
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { merkleTree } from '../../../src/core/crypto/merkle-tree.js'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

/** RFC 6962 section 2.1, word by word. */
function naive(leaves: readonly Uint8Array[]): Buffer {
  const hash = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest()
  if (leaves.length === 0) return hash()
  if (leaves.length === 1) return hash(Buffer.from([0]), leaves[0] ?? Buffer.alloc(0))
  let k = 1
  while (k * 2 < leaves.length) k *= 2
  return hash(Buffer.from([1]), naive(leaves.slice(0, k)), naive(leaves.slice(k)))
}

function rootOf(leaves: readonly Uint8Array[]): string {
  const tree = merkleTree()
  for (const leaf of leaves) tree.add(leaf)
  expect(tree.size).toBe(leaves.length)
  return hex(tree.root())
}

// the inputs and roots of the certificate-transparency test vectors
const INPUTS = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]

it('has the published roots', () => {
  for (const [size, root] of ROOTS.entries())
    expect(rootOf(INPUTS.slice(0, size).map((text) => Buffer.from(text, 'hex')))).toBe(root)
})

it('is what the definition says, for lists of any length', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 70 }), (leaves) => {
      expect(rootOf(leaves)).toBe(naive(leaves).toString('hex'))
    }),
  )
})

it('can be asked on the way', () => {
  const tree = merkleTree()
  for (const [size, root] of ROOTS.entries()) {
    expect(hex(tree.root())).toBe(root)
    tree.add(Buffer.from(INPUTS[size] ?? '', 'hex'))
  }
})
