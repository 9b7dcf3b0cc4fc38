# shellcheck shell=bash disable=SC2034,SC2207
# made by `cargo words` from the definitions in the sources: changes here are lost

# What may stand behind the words "$1".
_tokend_place() {
  case $1 in
    '') next='check env install uninstall schema' behind='' options='--help --log-format --version' ;;
    'check') next='' behind='' options='--help' ;;
    'env') next='' behind='' options='--kill --shell --help' ;;
    'install') next='' behind='' options='--dry-run --help' ;;
    'uninstall') next='' behind='' options='--dry-run --help' ;;
    'schema') next='' behind='' options='--help' ;;
  esac
}

# Of which kind the value of the option "$2" is, if it has one.
_tokend_value() {
  case "$1 $2" in
    'env --shell') kind='words:sh csh fish powershell cmd' ;;
    ' --log-format') kind='words:text json' ;;
    *) return 1 ;;
  esac
}

# Of which kind the argument number "$2" is.
_tokend_argument() {
  case "$1 $2" in
  esac
}

# Candidates of a kind for the word "$1", which begins behind "$2".
_tokend_offer() {
  local list=
  case $kind in
    accounts | secrets) list=$(command tok completions --names "$kind" 2>/dev/null) ;;
    assignments)
      if [[ $1 == *=* ]]; then
        kind=accounts
        _tokend_offer "${1#*=}" "$2${1%%=*}="
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
_tokend_hand_over() {
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

_tokend() {
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
      _tokend_place "$path"
      words=("${words[@]:i + 1}")
      case $behind in
        '') return ;;
        any)
          if [[ ${#words[@]} -eq 1 ]]; then
            compopt -o filenames 2>/dev/null
            while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -c -- "$current" | sort -u)
          else
            _tokend_hand_over "${words[@]}"
          fi
          ;;
        *) _tokend_hand_over "$behind" "${words[@]}" ;;
      esac
      return
    elif [[ $word == --*=* ]]; then
      :
    elif [[ $word == -* ]]; then
      _tokend_value "$path" "$word" && ((i++))
    else
      _tokend_place "$path"
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
    _tokend_value "$path" "${words[i - 2]}"
    _tokend_offer "$current" ''
  elif [[ $current == --*=* ]]; then
    kind=
    _tokend_value "$path" "${current%%=*}"
    _tokend_offer "${current#*=}" "${current%%=*}="
  elif [[ $current == -* ]]; then
    _tokend_place "$path"
    kind="words:$options"
    _tokend_offer "$current" ''
  else
    _tokend_place "$path"
    kind=
    [[ $next ]] && kind="words:$next"
    [[ $kind ]] || _tokend_argument "$path" "$position"
    _tokend_offer "$current" ''
    [[ $behind && $position -gt 0 && ! $current ]] && COMPREPLY+=(--)
  fi
  # Bash puts a candidate in the place of what stands behind the last `=`.
  if [[ $current == *=* && $COMP_WORDBREAKS == *=* ]]; then
    COMPREPLY=("${COMPREPLY[@]#"${current%=*}="}")
  fi
}

complete -F _tokend tokend
