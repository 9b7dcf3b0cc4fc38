//! Completions for bash, with or without the package bash-completion.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{DURATIONS, MADE_BY, Place, function, places};
use crate::definition::{Program, Value};

/// What is the same for every program; `FN` stands for its function.
const RULES: &str = r#"
# Candidates of a kind for the word "$1", which begins behind "$2".
FN_offer() {
  local list=
  case $kind in
    accounts | secrets) list=$(command tok completions --names "$kind" 2>/dev/null) ;;
    assignments)
      if [[ $1 == *=* ]]; then
        kind=accounts
        FN_offer "${1#*=}" "$2${1%%=*}="
        return
      fi
      list=$(command tok completions --names assignments 2>/dev/null)
      ;;
    durations) list='DURATIONS' ;;
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
FN_hand_over() {
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

FN() {
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
      FN_place "$path"
      words=("${words[@]:i + 1}")
      case $behind in
        '') return ;;
        any)
          if [[ ${#words[@]} -eq 1 ]]; then
            compopt -o filenames 2>/dev/null
            while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -c -- "$current" | sort -u)
          else
            FN_hand_over "${words[@]}"
          fi
          ;;
        *) FN_hand_over "$behind" "${words[@]}" ;;
      esac
      return
    elif [[ $word == --*=* ]]; then
      :
    elif [[ $word == -* ]]; then
      FN_value "$path" "$word" && ((i++))
    else
      FN_place "$path"
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
    FN_value "$path" "${words[i - 2]}"
    FN_offer "$current" ''
  elif [[ $current == --*=* ]]; then
    kind=
    FN_value "$path" "${current%%=*}"
    FN_offer "${current#*=}" "${current%%=*}="
  elif [[ $current == -* ]]; then
    FN_place "$path"
    kind="words:$options"
    FN_offer "$current" ''
  else
    FN_place "$path"
    kind=
    [[ $next ]] && kind="words:$next"
    [[ $kind ]] || FN_argument "$path" "$position"
    FN_offer "$current" ''
    [[ $behind && $position -gt 0 && ! $current ]] && COMPREPLY+=(--)
  fi
  # Bash puts a candidate in the place of what stands behind the last `=`.
  if [[ $current == *=* && $COMP_WORDBREAKS == *=* ]]; then
    COMPREPLY=("${COMPREPLY[@]#"${current%=*}="}")
  fi
}
"#;

/// The script that bash sources.
#[must_use]
pub fn script(program: &Program) -> String {
    let function = function(program);
    let places = places(program);
    let mut out = format!("# shellcheck shell=bash disable=SC2034,SC2207\n# {MADE_BY}\n");
    out.push_str(&tables(&places, &function, program));
    out.push_str(&RULES.replace("DURATIONS", DURATIONS).replace("FN", &function));
    let _ = writeln!(out, "\ncomplete -F {function} {}", program.name);
    out
}

fn tables(places: &[Place], function: &str, program: &Program) -> String {
    let kind = |value| kind(value, program);
    let mut out =
        format!("\n# What may stand behind the words \"$1\".\n{function}_place() {{\n  case $1 in\n");
    for place in places {
        let next: Vec<_> = place.next.iter().map(|next| next.word).collect();
        let options: Vec<_> = place.options.iter().map(|option| format!("--{}", option.long)).collect();
        let behind = match place.passes_on() {
            Some("") => "any",
            Some(program) => program,
            None => "",
        };
        let _ = writeln!(
            out,
            "    '{}') next='{}' behind='{behind}' options='{}' ;;",
            place.path,
            next.join(" "),
            options.join(" ")
        );
    }
    let _ = write!(out, "  esac\n}}\n\n# Of which kind the value of the option \"$2\" is, if it has one.\n");
    let _ = write!(out, "{function}_value() {{\n  case \"$1 $2\" in\n");
    let mut by_kind: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for place in places {
        for option in &place.options {
            let Some((_, value)) = option.value.filter(|_| !option.may_do_without) else { continue };
            let names = by_kind.entry(kind(value)).or_default();
            names.push(format!("'{} --{}'", place.path, option.long));
            names.extend(option.short.map(|letter| format!("'{} -{letter}'", place.path)));
        }
    }
    for (kind, options) in by_kind {
        let _ = writeln!(out, "    {}) kind='{kind}' ;;", options.join(" | "));
    }
    let _ = write!(out, "    *) return 1 ;;\n  esac\n}}\n\n# Of which kind the argument number \"$2\" is.\n");
    let _ = write!(out, "{function}_argument() {{\n  case \"$1 $2\" in\n");
    for place in places {
        for (position, argument) in place.positions() {
            let position = if argument.many { "*".to_owned() } else { position.to_string() };
            let _ = writeln!(out, "    '{} '{position}) kind='{}' ;;", place.path, kind(argument.value));
        }
    }
    out.push_str("  esac\n}\n");
    out
}

fn kind(value: Value, program: &Program) -> String {
    let words = |words: Vec<&str>| format!("words:{}", words.join(" "));
    match value {
        Value::Account => "accounts".to_owned(),
        Value::Secret => "secrets".to_owned(),
        Value::Assignment => "assignments".to_owned(),
        Value::Duration => "durations".to_owned(),
        Value::File => "files".to_owned(),
        Value::Folder => "folders".to_owned(),
        Value::Command => words(program.commands().map(|command| command.name).collect()),
        Value::OneOf(choices) => words(choices.iter().map(|choice| choice.word).collect()),
        Value::Program | Value::For(_) | Value::Text => "text".to_owned(),
    }
}
