/** Removes from a target what a push has replaced, once no reader can be in it. */
import { type Instant, secondsBetween } from '../base/time.js'
import { surplusTrees } from '../publication/tree-choice.js'
import type { TargetRecord } from './push-record.js'
import { type Call, caller, newTree, type Prepared, type PushRun, TREES } from './push-run.js'
import { below } from './push-target.js'

/** Removes what has had no reader for long enough. Returns the record of the target. Throws `rsync-…` (remote). */
export async function clean(prepared: Prepared): Promise<{ readonly record: TargetRecord; readonly removed: number }> {
  const { run, tree, before } = prepared
  const { now, source, record } = run
  const retired = prepared.trees.map((one) =>
    one.name === before && before !== tree ? { ...one, retiredAt: now } : one,
  )
  const known = retired.some(({ name }) => name === tree) ? retired : [...retired, newTree(tree)]
  const surplus = surplusTrees(known, tree, now, TREES)
  const call = caller(run)
  if (surplus.length > 0)
    await removeTrees(
      run,
      call,
      surplus.map(({ name }) => name),
    )
  const since = (path: string): Instant => record?.files[path] ?? now
  const isDue = (path: string): boolean => secondsBetween(since(path), now) >= run.oldFilesSeconds
  const due = prepared.unlisted.filter((path) => isDue(path) && !source.files.includes(path))
  if (due.length > 0) await removeFiles(run, call, due)
  const kept = prepared.unlisted.filter((path) => !due.includes(path))
  const left = known.filter((one) => one.name !== tree && !surplus.includes(one))
  return {
    removed: surplus.length + due.length,
    record: {
      at: now,
      session: source.session,
      serial: source.serial,
      trees: Object.fromEntries(left.map(({ name, retiredAt }) => [name, retiredAt ?? now])),
      files: Object.fromEntries(kept.map((path) => [path, since(path)])),
    },
  }
}

async function removeTrees(run: PushRun, call: Call, names: readonly string[]): Promise<void> {
  await remove(
    run,
    call,
    'rsync',
    names.flatMap((name) => [`/${name}/`, `/${name}/**`]),
  )
}

async function removeFiles(run: PushRun, call: Call, paths: readonly string[]): Promise<void> {
  const folders = new Set(
    paths.flatMap((path) =>
      path
        .split('/')
        .slice(0, -1)
        .map((_, n, all) => `/${all.slice(0, n + 1).join('/')}/`),
    ),
  )
  await remove(run, call, 'rrdp', [...folders, ...paths.map((path) => `/${path}`)])
}

/** Removes what the patterns name: it is missing in an empty folder, and everything else is excluded. */
async function remove(
  { target, scratch }: PushRun,
  call: Call,
  folder: string,
  patterns: readonly string[],
): Promise<void> {
  const args = ['-r', '--delete', '--include-from=-', '--exclude=*', `${scratch}/empty/`, below(target, `${folder}/`)]
  await call(args, `${patterns.join('\n')}\n`)
}
