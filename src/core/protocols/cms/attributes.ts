/** Signed attributes of a SignerInfo (RFC 5652 section 5.3). */
import type { Attribute } from './types.js'

/** Returns the first value of a signed attribute. */
export function attributeValue(
  attributes: readonly Attribute[] | undefined,
  oid: string,
): Attribute['values'][number] | undefined {
  return attributes?.find((attribute) => attribute.oid === oid)?.values[0]
}
