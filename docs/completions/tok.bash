# shellcheck shell=bash disable=SC2034,SC2207
# made by `cargo words` from the definitions in the sources: changes here are lost

# What may stand behind the words "$1".
_tok_place() {
  case $1 in
    '') next='get header curl exec watch reject refresh status list login logout reload init secret lock unlock doctor help man completions version' behind='' options='--verbose --json --help --version' ;;
    'get') next='' behind='' options='--min-valid --scope --audience --timeout --id-token --format --var --user --host --port --verbose --json --help' ;;
    'header') next='' behind='' options='--min-valid --scope --audience --timeout --verbose --json --help' ;;
    'curl') next='' behind='curl' options='--min-valid --scope --audience --timeout --verbose --json --help' ;;
    'exec') next='' behind='any' options='--file --min-valid --scope --audience --timeout --verbose --json --help' ;;
    'watch') next='' behind='' options='--verbose --json --help' ;;
    'reject') next='' behind='' options='--hash --verbose --json --help' ;;
    'refresh') next='' behind='' options='--timeout --verbose --json --help' ;;
    'status') next='' behind='' options='--check --watch --json --verbose --help' ;;
    'list') next='' behind='' options='--json --verbose --help' ;;
    'login') next='' behind='' options='--device --no-browser --for --json --verbose --help' ;;
    'logout') next='' behind='' options='--local --json --verbose --help' ;;
    'reload') next='' behind='' options='--verbose --json --help' ;;
    'init') next='' behind='' options='--no-passphrase --stdin --ssh-key --plugin --keyring --credential --change-passphrase --verbose --json --help' ;;
    'secret') next='set list show remove import' behind='' options='--verbose --json --help' ;;
    'secret set') next='' behind='' options='--for --for-any --verbose --json --help' ;;
    'secret list') next='' behind='' options='--verbose --json --help' ;;
    'secret show') next='' behind='' options='--stdin --verbose --json --help' ;;
    'secret remove') next='' behind='' options='--verbose --json --help' ;;
    'secret import') next='' behind='' options='--verbose --json --help' ;;
    'lock') next='' behind='' options='--verbose --json --help' ;;
    'unlock') next='' behind='' options='--stdin --verbose --json --help' ;;
    'doctor') next='' behind='' options='--json --verbose --help' ;;
    'help') next='' behind='' options='--verbose --json --help' ;;
    'man') next='' behind='' options='--verbose --json --help' ;;
    'completions') next='' behind='' options='--for --names --verbose --json --help' ;;
    'version') next='' behind='' options='--verbose --json --help' ;;
  esac
}

# Of which kind the value of the option "$2" is, if it has one.
_tok_value() {
  case "$1 $2" in
    'secret set --for') kind='accounts' ;;
    'exec --file') kind='assignments' ;;
    'get --min-valid' | 'get --timeout' | 'header --min-valid' | 'header --timeout' | 'curl --min-valid' | 'curl --timeout' | 'exec --min-valid' | 'exec --timeout' | 'refresh --timeout' | 'login --for') kind='durations' ;;
    'init --ssh-key' | 'init --plugin') kind='files' ;;
    'get --scope' | 'get --audience' | 'get --var' | 'get --user' | 'get --host' | 'get --port' | 'header --scope' | 'header --audience' | 'curl --scope' | 'curl --audience' | 'exec --scope' | 'exec --audience' | 'reject --hash' | 'init --credential') kind='text' ;;
    'completions --names') kind='words:accounts secrets assignments' ;;
    'get --format') kind='words:raw header json env form xoauth2 oauthbearer' ;;
    'completions --for') kind='words:tok tokend' ;;
    *) return 1 ;;
  esac
}

# Of which kind the argument number "$2" is.
_tok_argument() {
  case "$1 $2" in
    'get '0) kind='accounts' ;;
    'header '0) kind='accounts' ;;
    'curl '0) kind='accounts' ;;
    'exec '*) kind='assignments' ;;
    'watch '0) kind='accounts' ;;
    'reject '0) kind='accounts' ;;
    'refresh '0) kind='accounts' ;;
    'status '0) kind='accounts' ;;
    'login '0) kind='accounts' ;;
    'logout '0) kind='accounts' ;;
    'secret set '0) kind='secrets' ;;
    'secret show '0) kind='secrets' ;;
    'secret remove '0) kind='secrets' ;;
    'secret import '0) kind='words:file dotenv pass aws' ;;
    'secret import '*) kind='files' ;;
    'help '0) kind='words:get header curl exec watch reject refresh status list login logout reload init secret lock unlock doctor help man completions version' ;;
    'man '0) kind='words:tok tokend tokend.toml' ;;
    'completions '0) kind='words:bash zsh fish powershell' ;;
  esac
}

# Candidates of a kind for the word "$1", which begins behind "$2".
_tok_offer() {
  local list=
  case $kind in
    accounts | secrets) list=$(command tok completions --names "$kind" 2>/dev/null) ;;
    assignments)
      if [[ $1 == *=* ]]; then
        kind=accounts
        _tok_offer "${1#*=}" "$2${1%%=*}="
        return
      fi
      list=$(command tok completions --names assignments 2>/dev/null)
      ;;
    durations) list='30s 1m 5m 15m 30m 1h 8h 24h' ;;
    files | folders)
      compopt -o filenames 2>/dev/null
      local action=-f file
      [[ $kind == folders ]] && action=-d
      while IFS= read -r file; do COMPREPLY+=("$file"); done < <(compgen "$action" -- "$1")
      return
      ;;
    words:*) list=${kind#words:} ;;
    *) return ;;
  esac
  local word
  while IFS= read -r word; do COMPREPLY+=("$2$word"); done < <(compgen -W "$list" -- "$1")
}

# Goes on as the completion of another program: "$1", whose words follow.
_tok_hand_over() {
  local program=$1 spec
  if declare -F _comp_load >/dev/null; then
    _comp_load "$program"
  elif declare -F _completion_loader >/dev/null; then
    _completion_loader "$program"
  fi
  COMP_WORDS=("$@")
  COMP_CWORD=$(($# - 1))
  COMP_LINE="$*"
  COMP_POINT=${#COMP_LINE}
  spec=$(complete -p -- "$program" 2>/dev/null)
  if [[ $# -gt 1 && $spec =~ ' -F '([^ ]+) ]]; then
    "${BASH_REMATCH[1]}" "$program" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
  else
    compopt -o default 2>/dev/null
  fi
}

_tok() {
  COMPREPLY=()
  # Bash ends a word at each `=`; here it does not.
  local words=() i word joined=
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ ${#words[@]} -gt 0 && ($word == = || $joined) ]]; then
      words[${#words[@]} - 1]+=$word
    else
      words+=("$word")
    fi
    joined=
    [[ $word == = && $COMP_WORDBREAKS == *=* ]] && joined=1
  done
  local current=${words[${#words[@]} - 1]} path= kind= options= next= behind= position=0
  for ((i = 0; i < ${#words[@]} - 1; i++)); do
    word=${words[i]}
    if [[ $word == -- ]]; then
      _tok_place "$path"
      words=("${words[@]:i + 1}")
      case $behind in
        '') return ;;
        any)
          if [[ ${#words[@]} -eq 1 ]]; then
            compopt -o filenames 2>/dev/null
            while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -c -- "$current" | sort -u)
          else
            _tok_hand_over "${words[@]}"
          fi
          ;;
        *) _tok_hand_over "$behind" "${words[@]}" ;;
      esac
      return
    elif [[ $word == --*=* ]]; then
      :
    elif [[ $word == -* ]]; then
      _tok_value "$path" "$word" && ((i++))
    else
      _tok_place "$path"
      if [[ " $next " == *" $word "* ]]; then
        path+=${path:+ }$word
        position=0
      else
        ((position++))
      fi
    fi
  done
  # The value of the option before, of this one behind `=`, an option, or an argument.
  if [[ $i -gt 0 && $i -eq ${#words[@]} ]]; then
    kind=
    _tok_value "$path" "${words[i - 2]}"
    _tok_offer "$current" ''
  elif [[ $current == --*=* ]]; then
    kind=
    _tok_value "$path" "${current%%=*}"
    _tok_offer "${current#*=}" "${current%%=*}="
  elif [[ $current == -* ]]; then
    _tok_place "$path"
    kind="words:$options"
    _tok_offer "$current" ''
  else
    _tok_place "$path"
    kind=
    [[ $next ]] && kind="words:$next"
    [[ $kind ]] || _tok_argument "$path" "$position"
    _tok_offer "$current" ''
    [[ $behind && $position -gt 0 && ! $current ]] && COMPREPLY+=(--)
  fi
  # Bash puts a candidate in the place of what stands behind the last `=`.
  if [[ $current == *=* && $COMP_WORDBREAKS == *=* ]]; then
    COMPREPLY=("${COMPREPLY[@]#"${current%=*}="}")
  fi
}

complete -F _tok tok
