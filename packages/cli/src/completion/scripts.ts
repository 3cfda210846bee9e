/** Shells that can be taught. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;

export type Shell = (typeof SHELLS)[number];

// Each asks `lastcall __complete -- words…`, which answers with one `value<tab>description` per line, or with `:files`.

const BASH = `# lastcall completion for bash; add to ~/.bashrc:  source <(lastcall completion bash)
_lastcall() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    [ "$line" = ':files' ] && { COMPREPLY=(); return; }
    COMPREPLY+=("\${line%%$'\\t'*}")
  done < <(lastcall __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
# Without an answer, files.
complete -o default -F _lastcall lastcall
`;

const ZSH = `#compdef lastcall
# lastcall completion for zsh; add to ~/.zshrc, after compinit:  source <(lastcall completion zsh)
_lastcall() {
  local line
  local -a found
  for line in "\${(@f)$(lastcall __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ "$line" == ':files' ]] && { _files; return }
    [[ -n "$line" ]] && found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  (( \${#found} )) && _describe 'lastcall' found
}
compdef _lastcall lastcall
`;

const FISH = `# lastcall completion for fish; save as ~/.config/fish/completions/lastcall.fish
function __lastcall_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l found (lastcall __complete -- $words[2..-1] 2>/dev/null)
    if test "$found[1]" = ':files'
        __fish_complete_path (commandline -ct)
    else
        printf '%s\\n' $found
    end
end
complete -c lastcall -f -a '(__lastcall_complete)'
`;

const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };

/** What teaches a shell to complete `lastcall`. */
export function completionScript(shell: Shell): string {
  return SCRIPTS[shell];
}
