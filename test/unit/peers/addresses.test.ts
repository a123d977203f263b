/** Addresses of peers: which are of the public Internet, in every form in which an IPv4 address can be written. */
import { describe, expect, it } from 'vitest'
import { isPrivateAddress, lookupFor, PrivateAddress, privateHostOf } from '../../../src/core/peers/addresses.js'

describe('an address', () => {
  it.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:a00:1',
    '::ffff:169.254.169.254',
    '::127.0.0.1',
    '64:ff9b::10.0.0.1',
    '64:ff9b:1::1',
    '2002:7f00:1::1',
    '2002:c0a8:101::',
    'fc00::1',
    'fd12:3456::1',
    'fe80::1',
    'fe80::1%lo',
    'febf::1',
    'fec0::1',
    'ff02::1',
    'localhost',
    '',
  ])('%s is refused', (address) => {
    expect(isPrivateAddress(address)).toBe(true)
  })

  it.each([
    '1.1.1.1',
    '11.0.0.1',
    '100.63.255.255',
    '100.128.0.1',
    '126.255.255.255',
    '128.0.0.1',
    '169.253.1.1',
    '172.15.255.255',
    '172.32.0.1',
    '192.167.1.1',
    '193.0.6.139',
    '223.255.255.255',
    '2001:67c:2e8:22::c100:68b',
    '::ffff:193.0.6.139',
    '64:ff9b::c100:68b',
    '2002:c100:68b::1',
    'fbff::1',
    '2a00::1',
  ])('%s is public', (address) => {
    expect(isPrivateAddress(address)).toBe(false)
  })
})

describe('the look-up of a socket', () => {
  const found = [
    { address: '127.0.0.1', family: 4 },
    { address: '193.0.6.139', family: 4 },
    { address: 'fe80::1', family: 6 },
  ]
  const asked = (allow: boolean, all: boolean, addresses = found): Promise<unknown> =>
    new Promise((resolve) => {
      lookupFor(allow, async () => addresses)('peer.example', { all }, (error, address, family) =>
        resolve(error ?? (family === undefined ? address : [address, family])),
      )
    })

  it('leaves out private addresses unless they are allowed', async () => {
    expect(await asked(false, true)).toEqual([found[1]])
    expect(await asked(false, false)).toEqual(['193.0.6.139', 4])
    expect(await asked(true, true)).toEqual(found)
    expect(await asked(true, false)).toEqual(['127.0.0.1', 4])
  })

  it('fails where no public address is left', async () => {
    const error = await asked(false, true, [found[0]!, found[2]!])
    expect(error).toBeInstanceOf(PrivateAddress)
    expect((error as PrivateAddress).addresses).toEqual(['127.0.0.1', 'fe80::1'])
  })

  it('reports that a name could not be resolved', async () => {
    const refused = new Promise((resolve) => {
      lookupFor(false, () => Promise.reject(new Error('ENOTFOUND')))('peer.example', {}, resolve)
    })
    expect(await refused).toEqual(new Error('ENOTFOUND'))
  })
})

describe('the host of a URI', () => {
  it.each([
    ['http://127.0.0.1:9/x', '127.0.0.1'],
    ['https://127.1/', '127.0.0.1'],
    ['http://2130706433/', '127.0.0.1'],
    ['http://0177.0.0.1/', '127.0.0.1'],
    ['http://0x7f000001/', '127.0.0.1'],
    ['http://127.0.0.1./', '127.0.0.1'],
    ['http://%31%32%37.0.0.1/', '127.0.0.1'],
    ['http://0/', '0.0.0.0'],
    ['https://10.0.0.1/', '10.0.0.1'],
    ['https://172.31.0.1/', '172.31.0.1'],
    ['https://192.168.0.1/', '192.168.0.1'],
    ['https://100.64.0.1/', '100.64.0.1'],
    ['https://169.254.169.254/', '169.254.169.254'],
    ['https://[::1]:8443/', '::1'],
    ['https://[0:0:0:0:0:0:0:1]/', '::1'],
    ['https://[fe80::1]/', 'fe80::1'],
    ['https://[fd00::1]/', 'fd00::1'],
    ['https://[::ffff:10.0.0.1]/', '::ffff:a00:1'],
    ['https://localhost/', 'localhost'],
    ['https://LocalHost.:443/', 'localhost.'],
    ['https://ca.localhost/', 'ca.localhost'],
    ['rsync://127.0.0.1/repo/', '127.0.0.1'],
    ['RSYNC://2130706433:8730/repo/', '127.0.0.1'],
    ['rsync://user@0x7f.1/repo/', '127.0.0.1'],
    ['rsync://[::1]/repo/', '::1'],
    ['rsync://localhost/repo/', 'localhost'],
  ])('%s is %s, which is refused', (uri, host) => {
    expect(privateHostOf(uri)).toBe(host)
  })

  it.each([
    'https://193.0.6.139/',
    'https://[2a00::1]/',
    'https://ca.example.net/127.0.0.1',
    'https://127.0.0.1.example.net/',
    'https://localhost.example.net/',
    'https://notlocalhost/',
    'rsync://rpki.example.net/repo/',
    'rsync://193.0.6.139:873/repo/',
    'nonsense',
  ])('%s is not refused', (uri) => {
    expect(privateHostOf(uri)).toBeUndefined()
  })
})
