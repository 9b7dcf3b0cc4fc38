//! Completions for zsh: `_arguments` for every command.

use std::fmt::Write as _;

use super::{DURATIONS, MADE_BY, Place, brief, function, places};
use crate::definition::{Argument, Choice, Opt, Program, Value};

/// What is the same for every program; `FN` stands for its function.
const RULES: &str = r#"
# What tokend knows under this kind of name, asked for without a word where nobody answers.
FN_names() {
  local -a names
  names=(${(f)"$(command tok completions --names $1 2>/dev/null)"})
  (( $#names )) && compadd "${@:2}" -a names
}

FN_accounts() { FN_names accounts "$@" }
FN_secrets() { FN_names secrets "$@" }

FN_durations() { compadd "$@" DURATIONS }

# A variable, `=`, an account.
FN_assignments() {
  if compset -P '*='; then
    FN_names accounts
  else
    FN_names assignments
  fi
}

# What stands behind `--` is the call of another program.
FN_behind() {
  local at=${words[(i)--]}
  (( at < CURRENT )) || return 1
  if [[ -n $1 ]]; then
    words=($1 "${(@)words[at + 1, -1]}")
    (( CURRENT = CURRENT - at + 1 ))
  else
    words=("${(@)words[at + 1, -1]}")
    (( CURRENT = CURRENT - at ))
  fi
  _normal
  return 0
}
"#;

/// The script: sourced, or as a file `_PROGRAM` in a folder of `$fpath`.
#[must_use]
pub fn script(program: &Program) -> String {
    let function = function(program);
    let places = places(program);
    let mut out = format!("#compdef {}\n# {MADE_BY}\n", program.name);
    out.push_str(&RULES.replace("DURATIONS", DURATIONS).replace("FN", &function));
    let _ = write!(
        out,
        "\n{function}() {{\n  local curcontext=$curcontext state line ret=1\n  local -A opt_args\n"
    );
    let (root, others) = places.split_at(1);
    for place in root {
        arguments(&mut out, place, program, "  ");
    }
    out.push_str("  [[ $state == next ]] || return ret\n  case $words[1] in\n");
    for place in others.iter().filter(|place| !place.path.contains(' ')) {
        let _ = writeln!(out, "    {})", place.path);
        if let Some(behind) = place.passes_on() {
            let _ = writeln!(out, "      {function}_behind '{behind}' && return");
        }
        arguments(&mut out, place, program, "      ");
        if !place.next.is_empty() {
            out.push_str("      [[ $state == next ]] || return ret\n      case $words[1] in\n");
            let actions = others.iter().filter_map(|action| {
                let name = action.path.strip_prefix(place.path.as_str())?.strip_prefix(' ')?;
                Some((name, action))
            });
            for (name, action) in actions {
                let _ = writeln!(out, "        {name})");
                arguments(&mut out, action, program, "          ");
                out.push_str("          ;;\n");
            }
            out.push_str("      esac\n");
        }
        out.push_str("      ;;\n");
    }
    let _ = write!(
        out,
        "  esac\n  return ret\n}}\n\n\
         # As a file of $fpath this is the function's body; sourced, it names the function.\n\
         if [[ $funcstack[1] == {function} ]]; then\n  {function} \"$@\"\n\
         elif (( $+functions[compdef] )); then\n  compdef {function} {}\nfi\n",
        program.name
    );
    out
}

/// A call of `_arguments` for this place.
fn arguments(out: &mut String, place: &Place, program: &Program, indent: &str) {
    let function = function(program);
    let states = if place.next.is_empty() { "" } else { " -C" };
    let _ = write!(out, "{indent}state=\n{indent}_arguments -s -S{states}");
    for option in &place.options {
        let _ = write!(out, " \\\n{indent}  {}", spec(option, &function, program));
    }
    if place.next.is_empty() {
        for (position, argument) in place.positions() {
            let number = if argument.many { "*".to_owned() } else { (position + 1).to_string() };
            let Argument { name, value, .. } = argument;
            let action = action(*value, &function, program);
            let _ = write!(out, " \\\n{indent}  '{number}:{name}:{action}'");
        }
    } else {
        let list = choices(&place.next);
        let _ = write!(out, " \\\n{indent}  '1:command:(({list}))' \\\n{indent}  '*:: :->next'");
    }
    let _ = writeln!(out, " && ret=0");
}

/// What `_arguments` is told of an option.
fn spec(option: &Opt, function: &str, program: &Program) -> String {
    let help = quoted(&brief(option.help)).replace('[', "\\[").replace(']', "\\]");
    let value = option.value.map_or_else(String::new, |(name, value)| {
        let optional = if option.may_do_without { ":" } else { "" };
        format!("{optional}:{name}:{}", action(value, function, program))
    });
    // Behind a long name its value may be joined by `=`.
    let equals = match (option.value, option.may_do_without) {
        (None, _) => "",
        (Some(_), false) => "=",
        (Some(_), true) => "=-",
    };
    let long = option.long;
    match (option.short, option.repeats) {
        (Some(letter), true) => format!("'*'{{-{letter},--{long}{equals}}}'[{help}]{value}'"),
        (Some(letter), false) => {
            format!("'(-{letter} --{long})'{{-{letter},--{long}{equals}}}'[{help}]{value}'")
        }
        (None, true) => format!("'*--{long}{equals}[{help}]{value}'"),
        (None, false) => format!("'--{long}{equals}[{help}]{value}'"),
    }
}

fn action(value: Value, function: &str, program: &Program) -> String {
    match value {
        Value::Account => format!("{function}_accounts"),
        Value::Secret => format!("{function}_secrets"),
        Value::Assignment => format!("{function}_assignments"),
        Value::Duration => format!("{function}_durations"),
        Value::File => "_files".to_owned(),
        Value::Folder => "_files -/".to_owned(),
        Value::Command => {
            format!("({})", program.commands().map(|command| command.name).collect::<Vec<_>>().join(" "))
        }
        Value::OneOf(list) => format!("(({}))", choices(list)),
        Value::Program | Value::For(_) | Value::Text => " ".to_owned(),
    }
}

/// `word\:explanation` for each, as `((…))` takes them.
fn choices(choices: &[Choice]) -> String {
    let one = |choice: &Choice| match choice.help {
        "" => choice.word.to_owned(),
        help => {
            // `_arguments` evaluates the list.
            let help = brief(help).replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$");
            format!("{}\\:\"{}\"", choice.word, quoted(&help))
        }
    };
    choices.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// Inside of single quotes.
fn quoted(text: &str) -> String {
    text.replace('\'', "'\\''").replace(':', "\\:")
}
