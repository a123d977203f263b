/**
 * `roa analyze` of a CA with 10,000 ROAs beside 1.2 million announcements, of which 65,536 lie in its resources: CPU time, wall time and
 * memory, with a program that only decompresses the same file and counts its lines, and `gzip -dc | wc -l`. BENCH_ROAS and
 * BENCH_ANNOUNCEMENTS change the numbers, BENCH_ROUNDS the rounds.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { childrenCpu } from './support/cgi.js'
import { newFolder } from './support/folder.js'
import { BRINE, type Measured, median, NODE, run, say } from './support/run.js'

const ROAS = Number(process.env['BENCH_ROAS'] ?? 10_000)
const ANNOUNCEMENTS = Number(process.env['BENCH_ANNOUNCEMENTS'] ?? 1_200_000)
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5)
/** All /24 of 10.0.0.0/8. */
const OWN = 65_536
const FIRST = 0x0b00_0000

const dotted = (n: number): string => [24, 16, 8, 0].map((shift) => (n >>> shift) & 255).join('.')

/** Returns a dump in the form of RIS whois: the prefixes of the CA, then /24 elsewhere, and a sixth of all for IPv6. */
function dump(): string {
  const others = Math.max(0, ANNOUNCEMENTS - OWN)
  const six = Math.floor(ANNOUNCEMENTS / 6)
  const own = Array.from({ length: OWN }, (_, n) => `${64500 + (n % 5)}\t10.${n >> 8}.${n & 255}.0/24\t300`)
  const four = Array.from(
    { length: others - six },
    (_, n) => `${1000 + (n % 90_000)}\t${dotted(FIRST + n * 512)}/24\t${(n * 7) % 400}`,
  )
  const long = Array.from({ length: six }, (_, n) => {
    return `${1000 + (n % 90_000)}\t2a00:${(n >>> 16).toString(16)}:${(n & 0xffff).toString(16)}::/48\t200`
  })
  return [...own, ...four, ...long].join('\n')
}

interface Row {
  readonly name: string
  readonly start: () => Promise<Measured>
  readonly cpu: number[]
  readonly wall: number[]
  readonly peak: number[]
}

const folder = newFolder()
try {
  const [data, file, roas] = [join(folder, 'data'), join(folder, 'dump.gz'), join(folder, 'roas.txt')]
  writeFileSync(file, gzipSync(dump()))
  const line = (_: unknown, n: number): string => `A: 10.${n >> 8}.${n & 255}.0/24 => ${64500 + (n % 4)}\n`
  writeFileSync(roas, Array.from({ length: ROAS }, line).join(''))
  for (const words of [
    'testbed init',
    'ca add bulk --under testbed --resources 10.0.0.0/8',
    `roa update bulk --file ${roas}`,
  ])
    await run([BRINE, '--data-dir', data, ...words.split(' ')])
  const count = `let n=0;const s=require('fs').createReadStream(${JSON.stringify(file)}).pipe(require('zlib').createGunzip());s.on('data',(b)=>{for(let i=b.indexOf(10);i>=0;i=b.indexOf(10,i+1))n++}).on('end',()=>console.log(n))`
  const row = (name: string, args: readonly string[], program = NODE): Row => ({
    name,
    start: () => run(args, [0], undefined, program),
    ...{ cpu: [], wall: [], peak: [] },
  })
  const rows = [
    row('roa analyze', [BRINE, '--data-dir', data, 'roa', 'analyze', 'bulk', '--bgp', file, '--json']),
    row('lines counted by Node', ['-e', count]),
    row('gzip -dc | wc -l', ['-c', `gzip -dc ${file} | wc -l`], '/bin/sh'),
  ]
  for (let n = 0; n < ROUNDS; n++)
    for (const one of rows) {
      const before = childrenCpu()
      const { wall, peak } = await one.start()
      one.cpu.push(childrenCpu() - before)
      one.wall.push(wall)
      one.peak.push(peak)
    }
  for (const { name, cpu, wall, peak } of rows)
    say(
      `${name}: CPU ${median(cpu).toFixed(0)} ms, wall ${median(wall).toFixed(0)} ms, peak ${median(peak).toFixed(0)} MiB`,
    )
  const [own, plain] = rows
  if (own !== undefined && plain !== undefined)
    say(`CPU of roa analyze beside the count: ${(median(own.cpu) / median(plain.cpu)).toFixed(1)} x`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
