/** The scripts of `brine completion`: each asks the program for the words (`run.ts`), so that none of them becomes outdated. */

const BASH = `# bash completion of brine: brine completion bash > /etc/bash_completion.d/brine
_brine() {
  local program=brine reply
  type -P -- "$1" >/dev/null && program=$1
  COMPREPLY=()
  mapfile -t reply < <("$program" __complete bash "\${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null)
  case \${reply[0]-} in
    files) compopt -o default 2>/dev/null ;;
    folders) compopt -o dirnames 2>/dev/null ;;
    *) COMPREPLY=("\${reply[@]:1}") ;;
  esac
}
complete -F _brine brine
`

const ZSH = `#compdef brine
# zsh completion of brine: brine completion zsh > /usr/local/share/zsh/site-functions/_brine
_brine() {
  local program=brine line tab=$'\\t'
  local -a answer values shown
  [[ -n $words[1] ]] && (( $+commands[\${(Q)words[1]}] )) && program=\${(Q)words[1]}
  [[ $words[1] == */* && -x \${(Q)words[1]} ]] && program=\${(Q)words[1]}
  answer=("\${(@f)$("$program" __complete zsh "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null)}")
  case $answer[1] in
    files|folders)
      [[ $PREFIX == --*=* ]] && compset -P '*='
      if [[ $answer[1] == folders ]]; then _files -/; else _files; fi ;;
    words)
      for line in "\${(@)answer[2,-1]}"; do
        values+=("\${line%%$tab*}")
        if [[ $line == *$tab* ]]; then shown+=("\${line%%$tab*}  -- \${line#*$tab}"); else shown+=("$line"); fi
      done
      if [[ "\${answer[*]}" == *$tab* ]]; then compadd -l -d shown -a -- values; else compadd -a -- values; fi ;;
  esac
}
if [[ $funcstack[1] == _brine ]]; then _brine "$@"; else compdef _brine brine; fi
`

const FISH = `# fish completion of brine: brine completion fish > /etc/fish/completions/brine.fish
function __brine_complete
    set -l words (commandline -opc)
    set -l program brine
    command -q -- $words[1]; and set program $words[1]
    set -l last (commandline -ct)
    set -l answer (command $program __complete fish $words[2..-1] "$last" 2>/dev/null)
    switch "$answer[1]"
        case files folders
            set -l value (string replace -r -- '^--[^=]*=' '' "$last")
            set -l flag (string match -r -- '^--[^=]*=' "$last")
            printf '%s\\n' "$flag"(__fish_complete_path "$value")
        case words
            printf '%s\\n' $answer[2..-1]
    end
end
complete -c brine -e
complete -c brine -f -k -a '(__brine_complete)'
`

export const SCRIPTS = { bash: BASH, zsh: ZSH, fish: FISH } as const

export type Shell = keyof typeof SCRIPTS

export const SHELLS = Object.keys(SCRIPTS) as readonly Shell[]
