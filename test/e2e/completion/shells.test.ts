/** The completion scripts in the shells that they are for: words of the data directory, quoting, and silence where nothing can be read. */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, type TestContext, vi } from 'vitest'
import { runProgram, shimmedEnv, writeShim } from '../../support/processes/brine-shim.js'
import { brine } from '../../support/processes/cli.js'
import { needProgram } from '../../support/processes/missing.js'
import { NOW, type Sandbox, sandbox } from '../../support/sites/operator-box.js'
import { typeInto } from './typed.js'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let box: Sandbox
let env: NodeJS.ProcessEnv

beforeAll(async () => {
  box = await sandbox()
  const run = (...args: string[]) => brine(args, { dataDir: box.dataDir, now: NOW })
  await run('ca', 'add', 'branch/north', '--under', 'acme', '--resources', '192.0.2.0/25')
  await run('child', 'update', 'testbed', 'acme', '--add', '2001:db8::/32')
  await run('roa', 'add', 'acme', "192.0.2.0/24-28 => 64496 # it's ours", '2001:db8::/32 => 64496')
  writeShim(box.path)
  env = shimmedEnv(box.path, { BRINE_DATA_DIR: box.dataDir })
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { stdout } = await brine(['completion', shell])
    writeFileSync(join(box.path, `completion.${shell}`), stdout)
  }
})

afterAll(() => box.remove())

const script = (shell: string): string => join(box.path, `completion.${shell}`)

/** The words that bash is given for a line, by its function. */
async function inBash(line: string, more: Readonly<Record<string, string>> = {}): Promise<readonly string[]> {
  const code = `. ${script('bash')}; COMP_LINE=$1; COMP_POINT=\${#1}; _brine brine; printf '%s\\n' "\${COMPREPLY[@]}"`
  const ran = await runProgram('bash', ['--norc', '-c', code, 'bash', line], { env: { ...env, ...more } })
  expect(ran).toMatchObject({ status: 0, stderr: '' })
  return ran.stdout.split('\n').filter((word) => word !== '')
}

/** The words that fish offers for a line. */
async function inFish(line: string, more: Readonly<Record<string, string>> = {}): Promise<readonly string[]> {
  const home = join(box.path, 'home')
  mkdirSync(home, { recursive: true })
  const code = `source ${script('fish')}; complete -C ${JSON.stringify(line)}`
  const ran = await runProgram('fish', ['--no-config', '-c', code], { env: { ...env, HOME: home, ...more } })
  expect(ran).toMatchObject({ status: 0, stderr: '' })
  return ran.stdout.split('\n').filter((word) => word !== '')
}

/** What the program is given for a line that is typed in zsh, arguments in angle brackets. */
function inZsh(context: TestContext, line: string, more: Readonly<Record<string, string>> = {}): Promise<string> {
  needProgram(context, 'zsh')
  needProgram(context, 'script')
  const setup = [
    'autoload -Uz compinit && compinit -u -D',
    `source ${script('zsh')}`,
    `shown() { print -r -- "<\${(j:><:)@}>" }`,
    'compdef _brine shown; PS1="ready> "',
  ]
  const home = join(box.path, 'home')
  mkdirSync(home, { recursive: true })
  writeFileSync(join(home, '.zshrc'), `${setup.join('\n')}\n`)
  return typeInto('zsh -d -i', [line], { ...env, HOME: home, ZDOTDIR: home, ...more })
}

/** What the program is given for a line that is typed in bash, arguments in angle brackets. */
function typedInBash(context: TestContext, line: string, more: Readonly<Record<string, string>> = {}): Promise<string> {
  needProgram(context, 'script')
  const rc = join(box.path, 'bashrc')
  const shown = 'shown() { printf "<%s>" "$@"; echo; }; complete -F _brine shown; PS1="ready> "'
  writeFileSync(rc, `. ${script('bash')}\n${shown}\nbind "set bell-style none" 2>/dev/null\n`)
  return typeInto(`bash --noprofile --rcfile ${rc} -i`, [line], { ...env, ...more })
}

describe('bash', () => {
  it('completes commands, handles, aggregates and ROAs', async () => {
    expect(await inBash('brine keyroll a')).toEqual(['activate'])
    expect(await inBash('brine ca show ')).toEqual(['acme', 'branch/north', 'testbed'])
    expect(await inBash('brine child show acme ')).toEqual(['branch/north'])
    expect(await inBash('brine history list ta/')).toEqual(['ta/ta'])
    expect(await inBash('brine roa remove acme 192')).toEqual(['192.0.2.0/24-28=AS64496'])
  })

  it('reads the data directory that the line names', async () => {
    const none = { BRINE_DATA_DIR: '' }
    expect(await inBash('brine ca show ', none)).toEqual([])
    expect(await inBash(`brine --data-dir ${box.dataDir} ca show b`, none)).toEqual(['branch/north'])
    expect(await inBash(`brine ca show --data-dir=${box.dataDir} b`, none)).toEqual(['branch/north'])
    expect(await inBash('brine ca show --data-dir $HERE b', { ...none, HERE: box.dataDir })).toEqual(['branch/north'])
  })

  it('inserts what the shell reads as one word', async (context) => {
    expect(await typedInBash(context, 'shown roa remove acme 2001:d\t\n')).toContain(
      '<roa><remove><acme><2001:db8::/32=AS64496>',
    )
    expect(await typedInBash(context, 'shown roa remove acme "192\t\n')).toContain('<192.0.2.0/24-28=AS64496>')
    expect(await typedInBash(context, 'shown roa remove acme "192.0.2.0/24-28 =\t\n')).toContain(
      '<roa><remove><acme><192.0.2.0/24-28 => 64496>',
    )
    expect(await typedInBash(context, 'shown ca show br\t\n')).toContain('<ca><show><branch/north>')
  })

  it('completes files where a file is wanted', async (context) => {
    writeFileSync(join(box.path, 'some roas.txt'), '')
    const typed = await typedInBash(context, `shown roa add acme --file ${box.path}/some\t\n`)
    expect(typed).toContain(`<--file><${box.path}/some roas.txt>`)
  })
})

describe('zsh', () => {
  it('completes and quotes', async (context) => {
    expect(await inZsh(context, 'shown ca show br\t\n')).toContain('<ca><show><branch/north>')
    expect(await inZsh(context, 'shown roa remove acme 2001:d\t\n')).toContain('<acme><2001:db8::/32=AS64496>')
    expect(await inZsh(context, "shown roa remove acme '192.0.2.0/24-28 =\t\n")).toContain(
      '<acme><192.0.2.0/24-28 => 64496>',
    )
    expect(await inZsh(context, 'shown keyr\t\n')).toContain('<keyroll>')
  })

  it('reads the data directory that the line names, and says nothing without one', async (context) => {
    const none = { BRINE_DATA_DIR: '' }
    expect(await inZsh(context, `shown --data-dir ${box.dataDir} ca show br\t\n`, none)).toContain('<branch/north>')
    const silent = await inZsh(context, 'shown ca show br\t\n', none)
    expect(silent).toContain('<ca><show><br>')
    expect(silent).not.toMatch(/error|no data directory/i)
  })
})

describe('fish', () => {
  it('completes with descriptions', async (context) => {
    needProgram(context, 'fish')
    expect(await inFish('brine ca show ')).toEqual(['acme', 'branch/north', 'testbed'])
    expect(await inFish('brine roa remove acme 192')).toEqual(["192.0.2.0/24-28=AS64496\tit's ours"])
    expect(await inFish('brine roa rem')).toEqual(['remove\tremove ROAs from a CA'])
    expect(await inFish(`brine --data-dir ${box.dataDir} ca show b`, { BRINE_DATA_DIR: '' })).toEqual(['branch/north'])
  })

  it('completes files where a file is wanted', async (context) => {
    needProgram(context, 'fish')
    writeFileSync(join(box.path, 'roas.txt'), '')
    expect(await inFish(`brine roa add acme --file ${box.path}/roas`)).toEqual([`${box.path}/roas.txt`])
    expect(await inFish(`brine roa add acme --file=${box.path}/roas`)).toEqual([`--file=${box.path}/roas.txt`])
  })
})

describe('a data directory that cannot be read', () => {
  const answer = (dataDir: string, ...words: string[]) =>
    runProgram('brine', ['__complete', 'zsh', '--data-dir', dataDir, ...words], { env })

  it('has no words, and no error', async () => {
    for (const dataDir of ['/nowhere', '/etc/passwd', box.path]) {
      expect(await answer(dataDir, 'ca', 'show', '')).toEqual({ status: 0, stdout: 'words\n', stderr: '' })
    }
  })

  it('has the words that can be read', async () => {
    const dataDir = box.copy()
    writeFileSync(join(dataDir, 'brine.toml'), '= not toml')
    expect((await answer(dataDir, 'ca', 'show', 'b')).stdout).toBe('words\nbranch/north\n')
    expect((await answer(dataDir, 'est', 'enroll', '')).stdout).toBe('words\n')
    rmSync(join(dataDir, 'brine.json'))
    expect(await answer(dataDir, 'ca', 'show', 'b')).toEqual({ status: 0, stdout: 'words\n', stderr: '' })
  })

  it('is not written, and takes no lock', async () => {
    const dataDir = box.copy()
    chmodSync(dataDir, 0o500)
    expect((await answer(dataDir, 'roa', 'remove', 'acme', '2')).stdout).toBe('words\n2001:db8::/32=AS64496\n')
    chmodSync(dataDir, 0o700)
  })
})

it('names labels and CAs of the configuration', async () => {
  const config = join(box.path, 'est.toml')
  const ca = '[[ca]]\nid = "first"\nbackend = "file"\n[ca.file]\nca_cert = "/a"\nca_key = "/b"\n'
  writeFileSync(config, `${ca}[[est.label]]\nname = "device"\nca_id = "first"\nprofile = "serverCert"\n`)
  expect(await inBash(`brine --config ${config} ha drain `)).toEqual(['first'])
  expect(await inBash(`brine --config ${config} est enroll `)).toEqual(['device'])
})

it('refuses an unknown shell', async () => {
  const ran = await runProgram('brine', ['completion', 'fsh'], { env })
  expect(ran.status).toBe(2)
  expect(ran.stderr).toContain('unknown shell "fsh"')
})
