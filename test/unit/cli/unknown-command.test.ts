/** Unknown commands: what was likely meant, whatever follows, and the help that lists it. */
import { expect, it } from 'vitest'
import { unknownCommand } from '../../../src/core/cli/unknown-command.js'

const COMMANDS = [
  ...['ca add', 'ca list', 'ca show', 'ca remove', 'roa add', 'roa list', 'roa remove', 'roa update', 'status', 'tick'],
  ...['setup', 'roa replace', 'history list', 'recover', 'audit verify', 'audit diff', 'audit show', 'tls show'],
  ...['config check', 'est cert list', 'est cert revoke', 'est otp create', 'backup create', 'backup prune', 'ta init'],
]

it.each([
  ['ca shwo acme', 'unknown command ca shwo, did you mean ca show?', 'brine ca --help'],
  ['roa ad acme x', 'unknown command roa ad, did you mean roa add?', 'brine roa --help'],
  ['rao add acme x', 'unknown command rao, did you mean roa add?', 'brine roa --help'],
  ['roas list', 'unknown command roas, did you mean roa list?', 'brine roa --help'],
  ['history acme', 'unknown command history acme, did you mean history list?', 'brine history --help'],
  ['ca recover acme', 'unknown command ca recover, did you mean recover?', 'brine recover --help'],
  ['ca remo acme', 'unknown command ca remo', 'brine ca --help'],
  ['ca remvoe acme', 'unknown command ca remvoe, did you mean ca remove?', 'brine ca --help'],
  ['roa ls acme', 'unknown command roa ls, did you mean roa list?', 'brine roa --help'],
  ['ca create acme', 'unknown command ca create, did you mean ca add?', 'brine ca --help'],
  ['ca rm acme', 'unknown command ca rm, did you mean ca remove?', 'brine ca --help'],
  ['ca delete acme', 'unknown command ca delete, did you mean ca remove?', 'brine ca --help'],
  ['backup add', 'unknown command backup add, did you mean backup create?', 'brine backup --help'],
  ['est otp new device', 'unknown command est otp new, did you mean est otp create?', 'brine est otp --help'],
  ['est cert delete', 'unknown command est cert delete, did you mean est cert revoke?', 'brine est cert --help'],
  ['list ca', 'unknown command list, did you mean ca list?', 'brine ca --help'],
  ['add roa x', 'unknown command add, did you mean roa add?', 'brine roa --help'],
  ['rao', 'unknown command rao, did you mean roa?', 'brine roa --help'],
  ['stauts', 'unknown command stauts, did you mean status?', 'brine status --help'],
  ['ca frobnicate', 'unknown command ca frobnicate', 'brine ca --help'],
  ['est cert x', 'unknown command est cert x', 'brine est cert --help'],
  ['frobnicate ca', 'unknown command frobnicate', 'brine --help'],
  ['ls', 'unknown command ls, did you mean ca list or roa list?', 'brine ca list --help'],
  ['create myca', 'unknown command create, did you mean setup or ca add or roa add?', 'brine setup --help'],
  ['import vrps.csv', 'unknown command import, did you mean roa replace or roa add?', 'brine roa replace --help'],
  ['log', 'unknown command log, did you mean history list?', 'brine history list --help'],
  ['fsck', 'unknown command fsck, did you mean audit verify or config check?', 'brine audit verify --help'],
  ['delete acme', 'unknown command delete, did you mean ca remove or roa remove?', 'brine ca remove --help'],
  ['nagios', 'unknown command nagios, did you mean status?', 'brine status --help'],
  ['delete roa', 'unknown command delete, did you mean roa remove?', 'brine roa --help'],
  ['history diff ca/acme', 'unknown command history diff, did you mean audit diff?', 'brine audit diff --help'],
  ['roa log acme', 'unknown command roa log, did you mean history list?', 'brine history list --help'],
  ['history state', 'unknown command history state, did you mean audit show?', 'brine audit show --help'],
  ['__proto__', 'unknown command __proto__', 'brine --help'],
])('%s', (given, message, help) => {
  const error = unknownCommand(given.split(' '), COMMANDS, 'brine')
  expect(error).toMatchObject({ kind: 'usage', code: 'command-unknown', message, hint: `see: ${help}` })
})
