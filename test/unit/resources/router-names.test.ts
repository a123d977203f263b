/** Names of routers: AS numbers and BGP Identifiers as eight digits, and back. */
import { expect, test } from 'vitest'
import {
  parseRouterCommonName,
  parseRouterId,
  parseRouterName,
  routerCommonName,
  routerIdHex,
  routerIdOf,
  routerName,
} from '../../../src/core/resources/router-names.js'

const SKI = 'AB'.repeat(20)

test('a name is read as it was written, in either case', () => {
  for (const asn of [1, 64496, 4_294_967_295]) {
    expect(parseRouterName(routerName(asn, SKI))).toEqual({ asn, ski: SKI })
    expect(parseRouterName(routerName(asn, SKI).toLowerCase().replace('router', 'ROUTER'))).toEqual({ asn, ski: SKI })
  }
  expect(routerName(64496, SKI)).toBe(`ROUTER-0000FBF0-${SKI}`)
  for (const text of [SKI, 'ROUTER-0000FBF0', `ROUTER-FBF0-${SKI}`, `ROUTER-0000FBF0-${SKI}.cer`, ''])
    expect(parseRouterName(text)).toBeUndefined()
})

test('the common name has the AS, and may have the BGP Identifier', () => {
  expect(routerCommonName(4_294_967_295)).toBe('ROUTER-FFFFFFFF')
  expect(parseRouterCommonName('ROUTER-0000fbf0')).toEqual({ asn: 64496, routerId: undefined })
  expect(parseRouterCommonName('ROUTER-0000FBF0-C0000201')).toEqual({ asn: 64496, routerId: '192.0.2.1' })
  for (const text of ['ROUTER-1234', 'router', 'ROUTER-0000FBF0-', ''])
    expect(parseRouterCommonName(text)).toBeUndefined()
})

test.each([
  ['192.0.2.1', 'C0000201'],
  ['255.255.255.255', 'FFFFFFFF'],
  ['0.0.0.1', '00000001'],
])('the BGP Identifier %s is %s', (id, hex) => {
  expect(parseRouterId(id)).toBe(id)
  expect(routerIdHex(id)).toBe(hex)
  expect(routerIdOf(hex)).toBe(id)
})

test.each(['0.0.0.0', '192.0.2', '192.0.2.256', '192.0.02.1', '192.0.2.1.', 'C0000201', ''])('%j is none', (text) => {
  expect(parseRouterId(text)).toBeUndefined()
})
test.each(['00000000', 'C00002', 'C0000201F', 'X0000201', ''])('the digits %j are none', (hex) => {
  expect(routerIdOf(hex)).toBeUndefined()
})
