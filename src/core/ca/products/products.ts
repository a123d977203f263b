/** Products of a class: the objects that configuration and the certificate of the class lead to, whatever their kind. */
import { entry } from '../../base/record.js'
import { isDue } from '../../issuing/due.js'
import type { NamedObject, PublicationPoint } from '../../issuing/point.js'
import type { IssuingPorts } from '../../issuing/ports.js'
import { kindOf, type PointKind } from '../../rpki/object-kinds.js'

/** One object that should be published. */
export interface DesiredProduct {
  readonly name: string
  /** Digest of what it says: an object with the same content is not signed again. */
  readonly content: string
}

/** All objects of one kind that a class should publish. */
export interface DesiredKind<P extends DesiredProduct> {
  readonly kind: PointKind
  readonly desired: readonly P[]
  readonly issue: (product: P) => Promise<NamedObject>
}

/** Objects that are new, and the names of those that go. */
export interface ProductChanges {
  readonly put: readonly NamedObject[]
  readonly drop: readonly string[]
}

/** Returns true if the point has the object as it should be, whether it is due or not. */
export function isPublished({ name, content }: DesiredProduct, { objects }: PublicationPoint): boolean {
  return entry(objects, name)?.content === content
}

/** Issues products that are missing, changed or about to expire, and those of which `anew` returns true; withdraws those that are not desired. */
export async function reconcileProducts<P extends DesiredProduct>(
  { kind, desired, issue }: DesiredKind<P>,
  point: PublicationPoint,
  ports: IssuingPorts,
  anew: (name: string) => boolean = () => false,
): Promise<ProductChanges> {
  const names = new Set(desired.map(({ name }) => name))
  const drop = Object.keys(point.objects).filter((name) => kindOf(name) === kind && !names.has(name))
  const mustIssue = (product: P): boolean => {
    const object = entry(point.objects, product.name)
    return object === undefined || !isPublished(product, point) || isDue(kind, object.notAfter, ports)
  }
  const due = desired.filter((product) => anew(product.name) || mustIssue(product))
  return { put: await Promise.all(due.map(issue)), drop }
}

/** Objects that a manifest may list beside those of children: rpki-client reads 100,000 files of one. */
export const MAX_PRODUCTS = 99_000
