//! Completions for fish.

use std::fmt::Write as _;

use super::{DURATIONS, MADE_BY, Place, brief, places};
use crate::definition::{Program, Value};

/// What is the same for every program; `FN` stands for its functions' beginning.
const RULES: &str = r#"
# The words before the one that is being typed, up to `--`: the command, what it goes on with, how many arguments.
function FN_place
    set -l words (commandline -opc)
    set -e words[1]
    set -l path
    set -l count 0
    while set -q words[1]
        set -l word $words[1]
        set -e words[1]
        if test "$word" = --
            echo "$path --"
            return
        else if string match -q -- '-*' $word
            contains -- $word WITH_VALUE; and set -e words[1]
        else if contains -- (string trim -- "$path $word") PATHS
            set path (string trim -- "$path $word")
            set count 0
        else
            set count (math $count + 1)
        end
    end
    echo "$path $count"
end

# Whether the words so far lead to "$argv[1]", and, if it is given, to the argument of this number.
function FN_at
    set -l place (string split -r -m 1 ' ' -- (FN_place))
    test "$place[1]" = "$argv[1]"; or return
    if set -q argv[2]
        test "$place[2]" = "$argv[2]"
    else
        test "$place[2]" != --
    end
end

function FN_names
    command tok completions --names $argv[1] 2>/dev/null
end

function FN_assignments
    set -l token (commandline -ct)
    # In `--file=A=x` the assignment stands behind the option.
    set token (string replace -r -- '^--[a-z-]+=' '' $token)
    if string match -q -- '*=*' $token
        set -l variable (string split -m 1 = -- $token)[1]
        string replace -r -- '^' "$variable=" (FN_names accounts)
    else
        FN_names assignments
    end
end

# What stands behind `--` is the call of another program, "$argv[1]" or the one that is named there.
function FN_behind
    set -l words (commandline -opc)
    set -l at (contains -i -- -- $words); or return
    set -l rest $argv $words[(math $at + 1)..-1]
    set -e words[1..$at]
    complete -C (string join ' ' -- (string escape -- $argv $words) (commandline -ct))
end
"#;

/// The script that fish sources.
#[must_use]
pub fn script(program: &Program) -> String {
    let functions = format!("__{}", program.name);
    let places = places(program);
    let mut with_value: Vec<String> = Vec::new();
    for option in places.iter().flat_map(|place| &place.options) {
        if option.value.is_some() && !option.may_do_without {
            with_value.push(format!("--{}", option.long));
            with_value.extend(option.short.map(|letter| format!("-{letter}")));
        }
    }
    with_value.sort_unstable();
    with_value.dedup();
    let paths: Vec<_> = places.iter().skip(1).map(|place| format!("'{}'", place.path)).collect();
    let mut out = format!("# {MADE_BY}\n");
    let with_value = if with_value.is_empty() { "''".to_owned() } else { with_value.join(" ") };
    out.push_str(
        &RULES
            .replace("WITH_VALUE", &with_value)
            .replace("PATHS", &paths.join(" "))
            .replace("FN", &functions),
    );
    let _ = writeln!(out, "\ncomplete -c {} -e\ncomplete -c {} -f", program.name, program.name);
    for place in &places {
        describe(&mut out, place, program, &functions);
    }
    out
}

fn describe(out: &mut String, place: &Place, program: &Program, functions: &str) {
    let path = &place.path;
    let name = program.name;
    out.push('\n');
    for next in &place.next {
        let help = quoted(&brief(next.help));
        let _ =
            writeln!(out, "complete -c {name} -n \"{functions}_at '{path}'\" -a {} -d '{help}'", next.word);
    }
    for option in &place.options {
        let _ = write!(out, "complete -c {name} -n \"{functions}_at '{path}'\" -l {}", option.long);
        if let Some(letter) = option.short {
            let _ = write!(out, " -s {letter}");
        }
        if let Some((_, value)) = option.value.filter(|_| !option.may_do_without) {
            out.push_str(&candidates(value, program, functions, true));
        }
        let _ = writeln!(out, " -d '{}'", quoted(&brief(option.help)));
    }
    for (position, argument) in place.positions() {
        let at = if argument.many { String::new() } else { format!(" {position}") };
        let candidates = candidates(argument.value, program, functions, false);
        if !candidates.is_empty() {
            let _ = writeln!(out, "complete -c {name} -n \"{functions}_at '{path}'{at}\"{candidates}");
        }
    }
    if let Some(behind) = place.passes_on() {
        let _ = writeln!(
            out,
            "complete -c {name} -n \"{functions}_at '{path}' --\" -a '({functions}_behind {behind})'"
        );
    }
}

/// The end of a line that says what is offered for such a value.
fn candidates(value: Value, program: &Program, functions: &str, of_option: bool) -> String {
    let start = if of_option { " -x" } else { "" };
    let words = |words: String| format!("{start} -a '{words}'");
    match value {
        Value::Account => words(format!("({functions}_names accounts)")),
        Value::Secret => words(format!("({functions}_names secrets)")),
        Value::Assignment => words(format!("({functions}_assignments)")),
        Value::Duration => words(DURATIONS.to_owned()),
        Value::File if of_option => " -r -F".to_owned(),
        Value::File => " -F".to_owned(),
        Value::Folder => words("(__fish_complete_directories (commandline -ct))".to_owned()),
        Value::Command => words(program.commands().map(|command| command.name).collect::<Vec<_>>().join(" ")),
        Value::OneOf(choices) => {
            let one = |choice: &crate::Choice| match choice.help {
                "" => choice.word.to_owned(),
                help => format!("{}\\t\"{}\"", choice.word, brief(help).replace('"', "")),
            };
            words(quoted(&choices.iter().map(one).collect::<Vec<_>>().join(" ")))
        }
        Value::Text if of_option => " -x".to_owned(),
        Value::Text | Value::Program | Value::For(_) => String::new(),
    }
}

/// Inside of single quotes.
fn quoted(text: &str) -> String {
    text.replace('\'', "\\'")
}
