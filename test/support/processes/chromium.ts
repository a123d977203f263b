/** Headless Chromium, driven over a pipe: a page of a file, at a width and in a colour scheme, as picture and as what it asked the network for. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { pathToFileURL } from 'node:url'
import { findProgram } from '../peers/validators.js'

export interface View {
  readonly width: number
  readonly dark?: boolean
}

type Params = Readonly<Record<string, unknown>>
type Reply = Readonly<Record<string, unknown>>

interface Waiting {
  readonly resolve: (reply: Reply) => void
  readonly reject: (error: Error) => void
}

const FLAGS = [
  ...['--headless=new', '--remote-debugging-pipe', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  ...['--no-first-run', '--no-default-browser-check', '--disable-background-networking', '--disable-component-update'],
  ...['--disable-sync', '--hide-scrollbars', '--force-color-profile=srgb', '--disable-features=Translate,MediaRouter'],
]

/** Returns the program; undefined if Chromium is not installed. */
export function chromiumProgram(): string | undefined {
  return findProgram('chromium') ?? findProgram('chromium-browser') ?? findProgram('google-chrome')
}

export class Chromium {
  readonly #home = mkdtempSync(join(tmpdir(), 'brine-chromium-'))
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  readonly #requests: string[] = []
  readonly #problems: string[] = []
  #last = 0
  #rest = ''
  #loaded: () => void = () => {}

  constructor(program: string) {
    this.#child = spawn(program, [...FLAGS, `--user-data-dir=${this.#home}`, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
      env: { ...process.env, HOME: this.#home, XDG_CONFIG_HOME: this.#home, XDG_CACHE_HOME: this.#home },
    })
    const output = this.#child.stdio[4] as Readable
    output.setEncoding('utf8').on('data', (chunk: string) => this.#read(chunk))
    this.#child.once('exit', () => this.#fail(new Error('Chromium has ended')))
    this.#child.once('error', (error) => this.#fail(error))
  }

  /** Opens a page in a tab of its own. */
  async open(path: string, { width, dark = false }: View): Promise<Page> {
    const { targetId } = await this.#send('Target.createTarget', { url: 'about:blank' })
    const { sessionId } = await this.#send('Target.attachToTarget', { targetId, flatten: true })
    const tell: Tell = (method, params = {}) => this.#send(method, params, String(sessionId))
    for (const domain of ['Page', 'Network', 'Log', 'Runtime']) await tell(`${domain}.enable`)
    const metrics = { width, height: 900, deviceScaleFactor: 1, mobile: width < 600 }
    await tell('Emulation.setDeviceMetricsOverride', metrics)
    const features = [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }]
    await tell('Emulation.setEmulatedMedia', { features })
    this.#requests.length = 0
    this.#problems.length = 0
    const loaded = new Promise<void>((resolve) => {
      this.#loaded = resolve
    })
    await tell('Page.navigate', { url: pathToFileURL(path).href })
    await loaded
    return new Page(tell, [...this.#requests], [...this.#problems])
  }

  close(): void {
    this.#child.kill('SIGKILL')
    rmSync(this.#home, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }

  #send(method: string, params: Params, sessionId?: string): Promise<Reply> {
    const id = ++this.#last
    const message = { id, method, params, ...(sessionId === undefined ? {} : { sessionId }) }
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      ;(this.#child.stdio[3] as Writable).write(`${JSON.stringify(message)}\0`)
    })
  }

  #read(chunk: string): void {
    const messages = (this.#rest + chunk).split('\0')
    this.#rest = messages.pop() ?? ''
    for (const message of messages) this.#take(JSON.parse(message) as Message)
  }

  #take({ id, method, params = {}, result = {}, error }: Message): void {
    if (id !== undefined) {
      const waiting = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (error === undefined) waiting?.resolve(result)
      else waiting?.reject(new Error(error.message))
    }
    if (method === 'Network.requestWillBeSent') this.#requests.push((params['request'] as { url: string }).url)
    if (method === 'Log.entryAdded') this.#problems.push((params['entry'] as { text: string }).text)
    if (method === 'Runtime.consoleAPICalled' || method === 'Page.javascriptDialogOpening') this.#problems.push(method)
    if (method === 'Page.loadEventFired') this.#loaded()
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}

interface Message {
  readonly id?: number
  readonly method?: string
  readonly params?: Params
  readonly result?: Reply
  readonly error?: { readonly message: string }
}

type Tell = (method: string, params?: Params) => Promise<Reply>

export class Page {
  /** URLs that the page was loaded from or asked for. */
  readonly requests: readonly string[]
  /** Violations of its policy, output on the console, and dialogs. */
  readonly problems: readonly string[]
  readonly #tell: Tell

  constructor(tell: Tell, requests: readonly string[], problems: readonly string[]) {
    this.#tell = tell
    this.requests = requests
    this.problems = problems
  }

  /** Returns the value of an expression in the page. */
  async value<T>(expression: string): Promise<T> {
    const { result } = await this.#tell('Runtime.evaluate', { expression, returnByValue: true })
    return (result as { value: T }).value
  }

  /** Returns a picture of the first element that a selector names, or of the whole page, as PNG. */
  async picture(selector = 'html'): Promise<Buffer> {
    const box = `(({x,y,width,height})=>({x:x+scrollX,y:y+scrollY,width,height}))(document.querySelector(${JSON.stringify(selector)}).getBoundingClientRect())`
    const clip = { ...(await this.value<Params>(box)), scale: 1 }
    const { data } = await this.#tell('Page.captureScreenshot', { format: 'png', clip, captureBeyondViewport: true })
    return Buffer.from(String(data), 'base64')
  }
}
