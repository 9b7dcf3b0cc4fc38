# made by `cargo words` from the definitions in the sources: changes here are lost
Register-ArgumentCompleter -Native -CommandName 'tokend' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $places = @{
        '' = @{
            next = [ordered]@{
                'check' = 'validates the configuration and prints what it understood'
                'env' = 'starts tokend in the background, unless it runs, and prints TOKEND_SOCK, for eval "$(tokend env)"'
                'install' = 'sets tokend up as a service of your own'
                'uninstall' = 'takes away what install set up'
                'schema' = 'prints the JSON Schema of the configuration, with which editors complete and check it'
            }
            options = @{
                '--help' = @{ kind = ''; help = 'what can be said' }
                '--log-format' = @{ kind = 'words:text json'; help = 'how the log is written' }
                '--version' = @{ kind = ''; help = 'which tokend this is' }
            }
            arguments = @()
            many = $false
        }
        'check' = @{
            next = [ordered]@{
            }
            options = @{
                '--help' = @{ kind = ''; help = 'what can be said' }
            }
            arguments = @()
            many = $false
        }
        'env' = @{
            next = [ordered]@{
            }
            options = @{
                '--kill' = @{ kind = ''; help = 'stops the one that runs instead, and takes TOKEND_SOCK away' }
                '--shell' = @{ kind = 'words:sh csh fish powershell cmd'; help = 'in the words of this shell' }
                '--help' = @{ kind = ''; help = 'what can be said' }
            }
            arguments = @()
            many = $false
        }
        'install' = @{
            next = [ordered]@{
            }
            options = @{
                '--dry-run' = @{ kind = ''; help = 'shows what would be done, and does nothing' }
                '--help' = @{ kind = ''; help = 'what can be said' }
            }
            arguments = @()
            many = $false
        }
        'uninstall' = @{
            next = [ordered]@{
            }
            options = @{
                '--dry-run' = @{ kind = ''; help = 'shows what would be done, and does nothing' }
                '--help' = @{ kind = ''; help = 'what can be said' }
            }
            arguments = @()
            many = $false
        }
        'schema' = @{
            next = [ordered]@{
            }
            options = @{
                '--help' = @{ kind = ''; help = 'what can be said' }
            }
            arguments = @()
            many = $false
        }
    }
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
        '^durations$' { '30s 1m 5m 15m 30m 1h 8h 24h' -split ' ' }
        # Nothing said: PowerShell offers files.
        default { @() }
    }
    $words | Where-Object { $_ -and $_.StartsWith($typed) } | ForEach-Object {
        [System.Management.Automation.CompletionResult]::new("$prefix$_", $_, 'ParameterValue', $_)
    }
}
