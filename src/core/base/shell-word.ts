/** Words of commands that are printed to be pasted. */

/** Returns a word as a shell reads it, quoted if needed. */
export function shellWord(word: string): string {
  return /^[\w./+:@%=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
