//! Completions for PowerShell, from version 5 on.

use std::fmt::Write as _;

use super::{DURATIONS, MADE_BY, Place, brief, places};
use crate::definition::{Program, Value};

/// What is the same for every program: it follows the table of places.
const RULES: &str = r#"
    $before = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.ToString() })
    $path = ''
    $position = 0
    $kind = ''
    foreach ($word in $before) {
        if ($kind) { $kind = ''; continue }
        if ($word -eq '--') { return }
        if ($word.StartsWith('-')) {
            $option = $places[$path].options[$word]
            if ($option -and $option.kind) { $kind = $option.kind }
        } else {
            $longer = "$path $word".Trim()
            if ($places.ContainsKey($longer)) { $path = $longer; $position = 0 } else { $position++ }
        }
    }
    $place = $places[$path]
    $prefix = ''
    $typed = $wordToComplete
    if (-not $kind) {
        if ($typed -match '^(--[a-z-]+=)(.*)$') {
            $prefix = $Matches[1]
            $typed = $Matches[2]
            $option = $place.options[$prefix.TrimEnd('=')]
            if ($option) { $kind = $option.kind }
        } elseif ($typed.StartsWith('-')) {
            $place.options.GetEnumerator() | Where-Object { $_.Key.StartsWith($typed) } | Sort-Object Key | ForEach-Object {
                [System.Management.Automation.CompletionResult]::new($_.Key, $_.Key, 'ParameterName', $_.Value.help)
            }
            return
        } elseif ($place.next.Count) {
            $place.next.GetEnumerator() | Where-Object { $_.Key.StartsWith($typed) } | ForEach-Object {
                [System.Management.Automation.CompletionResult]::new($_.Key, $_.Key, 'Command', $_.Value)
            }
            return
        } elseif ($place.arguments.Count) {
            # The last may be repeated.
            $kind = $place.arguments[[Math]::Min($position, $place.arguments.Count - 1)]
            if ($position -ge $place.arguments.Count -and -not $place.many) { $kind = '' }
        }
    }
    if ($kind -eq 'assignments' -and $typed -match '^([^=]*=)(.*)$') {
        $prefix += $Matches[1]
        $typed = $Matches[2]
        $kind = 'accounts'
    }
    $words = switch -Regex ($kind) {
        '^(accounts|secrets|assignments)$' { @(& tok completions --names $kind 2>$null) }
        '^words:' { $kind.Substring(6) -split ' ' }
        '^durations$' { 'DURATIONS' -split ' ' }
        # Nothing said: PowerShell offers files.
        default { @() }
    }
    $words | Where-Object { $_ -and $_.StartsWith($typed) } | ForEach-Object {
        [System.Management.Automation.CompletionResult]::new("$prefix$_", $_, 'ParameterValue', $_)
    }
}
"#;

/// The script that PowerShell runs (`tok completions powershell | Out-String | Invoke-Expression`).
#[must_use]
pub fn script(program: &Program) -> String {
    let mut out = format!(
        "# {MADE_BY}\nRegister-ArgumentCompleter -Native -CommandName '{}' -ScriptBlock {{\n    \
         param($wordToComplete, $commandAst, $cursorPosition)\n    $places = @{{\n",
        program.name
    );
    for place in places(program) {
        describe(&mut out, &place, program);
    }
    out.push_str("    }\n");
    out.push_str(RULES.trim_start_matches('\n').replace("DURATIONS", DURATIONS).as_str());
    out
}

fn describe(out: &mut String, place: &Place, program: &Program) {
    let _ = writeln!(out, "        '{}' = @{{\n            next = [ordered]@{{", place.path);
    for next in &place.next {
        let _ = writeln!(out, "                '{}' = '{}'", next.word, explanation(next.help, next.word));
    }
    out.push_str("            }\n            options = @{\n");
    for option in &place.options {
        let kind = match option.value.filter(|_| !option.may_do_without) {
            Some((_, value)) => kind(value, program),
            None => String::new(),
        };
        let help = explanation(option.help, option.long);
        let mut line = |name: String| {
            let _ = writeln!(out, "                '{name}' = @{{ kind = '{kind}'; help = '{help}' }}");
        };
        line(format!("--{}", option.long));
        // The keys of such a table do not differ by case alone: letters are known only where a value
        // follows them.
        if let Some(letter) = option.short.filter(|_| option.value.is_some()) {
            line(format!("-{letter}"));
        }
    }
    let kinds: Vec<_> =
        place.positions().map(|(_, argument)| format!("'{}'", kind(argument.value, program))).collect();
    let many = place.positions().last().is_some_and(|(_, argument)| argument.many);
    let _ = writeln!(
        out,
        "            }}\n            arguments = @({})\n            many = ${many}\n        }}",
        kinds.join(", ")
    );
}

/// `CompletionResult` takes no empty explanation.
fn explanation(help: &str, otherwise: &str) -> String {
    let help = brief(help).replace('\'', "''");
    if help.is_empty() { otherwise.to_owned() } else { help }
}

fn kind(value: Value, program: &Program) -> String {
    let words = |words: Vec<&str>| format!("words:{}", words.join(" "));
    match value {
        Value::Account => "accounts".to_owned(),
        Value::Secret => "secrets".to_owned(),
        Value::Assignment => "assignments".to_owned(),
        Value::Duration => "durations".to_owned(),
        Value::Command => words(program.commands().map(|command| command.name).collect()),
        Value::OneOf(choices) => words(choices.iter().map(|choice| choice.word).collect()),
        Value::File | Value::Folder => "files".to_owned(),
        Value::Program | Value::For(_) | Value::Text => "text".to_owned(),
    }
}
