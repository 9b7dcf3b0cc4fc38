# made by `cargo words` from the definitions in the sources: changes here are lost
Register-ArgumentCompleter -Native -CommandName 'tok' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $places = @{
        '' = @{
            next = [ordered]@{
                'get' = 'the token of an account, on standard output'
                'header' = 'the same as a line Authorization'
                'curl' = 'curl with the token, which no process list shows'
                'exec' = 'runs a program with tokens in its environment, or in files kept fresh'
                'watch' = 'a line of JSON at each new token'
                'reject' = 'says that the service refused a token'
                'refresh' = 'fetches a new token now'
                'status' = 'how each account is, and what to do'
                'list' = 'the accounts'' names and types'
                'login' = 'logs a person in, for accounts that need that once'
                'logout' = 'ends a login, here and at the service'
                'reload' = 'the daemon reads its configuration again'
                'init' = 'makes the identity, the key of the store'
                'secret' = 'keeps, lists, shows, removes and imports secrets'
                'lock' = 'the daemon forgets keys, secrets and tokens'
                'unlock' = 'gives it the key again'
                'doctor' = 'checks the whole set-up, and says how to mend it'
                'help' = 'this, or more about one command'
                'man' = 'the manual, for reading'
                'completions' = 'what makes a shell complete tok''s words'
                'version' = 'which tok this is'
            }
            options = @{
                '--verbose' = @{ kind = ''; help = 'warnings, and what was done, even where standard error is no terminal' }
                '--json' = @{ kind = ''; help = 'errors as one JSON object' }
                '--help' = @{ kind = ''; help = 'more about a command' }
                '--version' = @{ kind = ''; help = 'which tok this is' }
            }
            arguments = @()
            many = $false
        }
        'get' = @{
            next = [ordered]@{
            }
            options = @{
                '--min-valid' = @{ kind = 'durations'; help = 'at least this much life left' }
                '--scope' = @{ kind = 'text'; help = 'a token for these scopes' }
                '--audience' = @{ kind = 'text'; help = 'a token for these audiences' }
                '--timeout' = @{ kind = 'durations'; help = 'how long to wait for the service (default 30s, at most 10m)' }
                '--id-token' = @{ kind = ''; help = 'the id token that came with the token, its signature and claims checked' }
                '--format' = @{ kind = 'words:raw header json env form xoauth2 oauthbearer'; help = 'how it is written' }
                '--var' = @{ kind = 'text'; help = 'the variable''s name for env (default LYVE_PROD_TOKEN for lyve-prod)' }
                '--user' = @{ kind = 'text'; help = 'the mailbox, for xoauth2 and oauthbearer' }
                '--host' = @{ kind = 'text'; help = 'the mail server' }
                '--port' = @{ kind = 'text'; help = 'its port' }
                '--verbose' = @{ kind = ''; help = 'warnings, and what was done, even where standard error is no terminal' }
                '--json' = @{ kind = ''; help = 'errors as one JSON object' }
                '--help' = @{ kind = ''; help = 'more about a command' }
            }
            arguments = @('accounts')
            many = $false
        }
        'header' = @{
            next = [ordered]@{
            }
            options = @{
                '--min-valid' = @{ kind = 'durations'; help = 'at least this much life left' }
                '--scope' = @{ kind = 'text'; help = 'a token for these scopes' }
                '--audience' = @{ kind = 'text'; help = 'a token for these audiences' }
                '--timeout' = @{ kind = 'durations'; help = 'how long to wait for the service (default 30s, at most 10m)' }
                '--verbose' = @{ kind = ''; help = 'warnings, and what was done, even where standard error is no terminal' }
                '--json' = @{ kind = ''; help = 'errors as one JSON object' }
                '--help' = @{ kind = ''; help = 'more about a command' }
            }
            arguments = @('accounts')
            many = $false
        }
        'curl' = @{
            next = [ordered]@{
            }
            options = @{
                '--min-valid' = @{ kind = 'durations'; help = 'at least this much life left' }
                '--scope' = @{ kind = 'text'; help = 'a token for these scopes' }
                '--audience' = @{ kind = 'text'; help = 'a token for these audiences' }
                '--timeout' = @{ kind = 'durations'; help = 'how long to wait for the service (default 30s, at most 10m)' }
                '--verbose' = @{ kind = ''; help = 'warnings, and what was done, even where standard error is no terminal' }
                '--json' = @{ kind = ''; help = 'errors as one JSON object' }
                '--help' = @{ kind = ''; help = 'more about a command' }
            }
            arguments = @('accounts')
            many = $false
        }
        'exec' = @{
            next = [ordered]@{
            }
            options = @{
                '--file' = @{ kind = 'assignments'; help = 'the variable holds the path of a file, readable by you alone, with the token' }
                '--min-valid' = @{ kind = 'durations'; help = 'at least this much life left' }
                '--scope' = @{ kind = 'text'; help = 'a token for these scopes' }
                '--audience' = @{ kind = 'text'; help = 'a token for these audiences' }
                '--timeout' = @{ kind = 'durations'; help = 'how long to wait for the service (default 30s, at most 10m)' }
                '--verbose' = @{ kind = ''; help = 'warnings, and what was done, even where standard error is no terminal' }
                '--json' = @{ kind = ''; help = 'errors as one JSON object' }
                '--help' = @{ kind = ''; help = 'more about a command' }
            }
            arguments = @('assignments')
            many = $true
        }
        'watch' = @{
            next = [ordered]@{
            }
            options = @{
                '--verbose' = @{ kind = ''; help = 'warnings, and what was done, even where standard error is no terminal' }
                '--json' = @{ kind = ''; help = 'errors as one JSON object' }
                '--help' = @{ kind = ''; help = 'more about a command' }
            }
            arguments = @('accounts')
            many = $false
        }
        'reject' = @{
            next = [ordered]@{
            }
            options = @{
                '--hash' = @{ kind = 'text'; help = 'the SHA-256 of the token instead of the token, 64 hex digits' }
                '--verbose' = @{ kind = ''; help = 'warnings, and what was done, even where standard error is no terminal' }
                '--json' = @{ kind = ''; help = 'errors as one JSON object' }
                '--help' = @{ kind = ''; help = 'more about a command' }
            }
            arguments = @('accounts')
            many = $false
        }
        'refresh' = @{
            next = [ordered]@{
            }
            options = @{
                '--timeout' = @{ kind = 'durations'; help = 'how long to wait for the service (default 30s, at most 10m)' }
                '--verbose' = @{ kind = ''; help = 'warnings, and what was done, even where standard error is no terminal' }
                '--json' = @{ kind = ''; help = 'errors as one JSON object' }
                '--help' = @{ kind = ''; help = 'more about a command' }
            }
            arguments = @('accounts')
            many = $false
        }
        'status' = @{
            next = [ordered]@{
            }
            options = @{
                '--check' = @{ kind = ''; help = 'exits with the worst' }
                '--watch' = @{ kind = ''; help = 'shows it live on the whole terminal, those that need a person first' }
                '--json' = @{ kind = ''; help = 'a list of objects' }
                '--verbose' = @{ kind = ''; help = 'warnings, and what was done, even where standard error is no terminal' }
                '--help' = @{ kind = ''; help = 'more about a command' }
            }
            arguments = @('accounts')
            many = $false
        }
        'list' = @{
            next = [ordered]@{
            }
            options = @{
                '--json' = @{ kind = ''; help = 'a list of objects' }
                '--verbose' = @{ kind = ''; help = 'warnings, and what was done, even where standard error is no terminal' }
                '--help' = @{ kind = ''; help = 'more about a command' }
            }
            arguments = @()
            many = $false
        }
        'login' = @{
            next = [ordered]@{
            }
            options = @{
                '--device' = @{ kind = ''; help = 'shows a code to type on another device, though there is a browser' }
                '--no-browser' = @{ kind = ''; help = 'shows an address to open in a browser elsewhere' }
                '--for' = @{ kind = 'durations'; help = 'the login is forgotten after so long, such as 8h' }
                '--json' = @{ kind = ''; help = 'an object at the end' }
                '--verbose' = @{ kind = ''; help = 'warnings, and what was done, even where standard error is no terminal' }
                '--help' = @{ kind = ''; help = 'more about a command' }
            }
            arguments = @('accounts')
            many = $false
        }
        'logout' = @{
            next = [ordered]@{
            }
            options = @{
                '--local' = @{ kind = ''; help = 'the service is not told' }
                '--json' = @{ kind = ''; help = 'an object' }
                '--verbose' = @{ kind = ''; help = 'warnings, and what was done, even where standard error is no terminal' }
                '--help' = @{ kind = ''; help = 'more about a command' }
            }
            arguments = @('accounts')
            many = $false
        }
        'reload' = @{
            next = [ordered]@{
            }
            options = @{
                '--verbose' = @{ kind = ''; help = 'warnings, and what was done, even where standard error is no terminal' }
                '--json' = @{ kind = ''; help = 'errors as one JSON object' }
                '--help' = @{ kind = ''; help = 'more about a command' }
            }
            arguments = @()
            many = $false
        }
        'init' = @{
            next = [ordered]@{
            }
            options = @{
                '--no-passphrase' = @{ kind = ''; help = 'makes one without a passphrase, and asks nothing' }
                '--stdin' = @{ kind = ''; help = 'reads the passphrase from standard input, without the newline at its end' }
                '--ssh-key' = @{ kind = 'files'; help = 'an SSH key opens the store instead of a passphrase' }
                '--plugin' = @{ kind = 'files'; help = 'an age plugin does (a TPM, a YubiKey)' }
                '--keyring' = @{ kind = ''; help = 'the desktop''s keyring keeps the identity' }
                '--credential' = @{ kind = 'text'; help = 'systemd does (LoadCredentialEncrypted=), so that a service starts unattended' }
                '--change-passphrase' = @{ kind = ''; help = 'gives the identity that is there another passphrase' }
                '--verbose' = @{ kind = ''; help = 'warnings, and what was done, even where standard error is no terminal' }
                '--json' = @{ kind = ''; help = 'errors as one JSON object' }
                '--help' = @{ kind = ''; help = 'more about a command' }
            }
            arguments = @()
            many = $false
        }
        'secret' = @{
            next = [ordered]@{
                'set' = 'keeps a secret'
                'list' = 'the secrets'' names'
                'show' = 'the secret itself'
                'remove' = 'removes a secret'
                'import' = 'takes secrets over from elsewhere'
            }
            options = @{
                '--verbose' = @{ kind = ''; help = 'warnings, and what was done, even where standard error is no terminal' }
                '--json' = @{ kind = ''; help = 'errors as one JSON object' }
                '--help' = @{ kind = ''; help = 'more about a command' }
            }
            arguments = @()
            many = $false
        }
        'secret set' = @{
            next = [ordered]@{
            }
            options = @{
                '--for' = @{ kind = 'accounts'; help = 'only this account gets it' }
                '--for-any' = @{ kind = ''; help = 'every account does' }
                '--verbose' = @{ kind = ''; help = 'warnings, and what was done, even where standard error is no terminal' }
                '--json' = @{ kind = ''; help = 'errors as one JSON object' }
                '--help' = @{ kind = ''; help = 'more about a command' }
            }
            arguments = @('secrets')
            many = $false
        }
        'secret list' = @{
            next = [ordered]@{
            }
            options = @{
                '--verbose' = @{ kind = ''; help = 'warnings, and what was done, even where standard error is no terminal' }
                '--json' = @{ kind = ''; help = 'errors as one JSON object' }
                '--help' = @{ kind = ''; help = 'more about a command' }
            }
            arguments = @()
            many = $false
        }
        'secret show' = @{
            next = [ordered]@{
            }
            options = @{
                '--stdin' = @{ kind = ''; help = 'the passphrase of the store comes through standard input' }
                '--verbose' = @{ kind = ''; help = 'warnings, and what was done, even where standard error is no terminal' }
                '--json' = @{ kind = ''; help = 'errors as one JSON object' }
                '--help' = @{ kind = ''; help = 'more about a command' }
            }
            arguments = @('secrets')
            many = $false
        }
        'secret remove' = @{
            next = [ordered]@{
            }
            options = @{
                '--verbose' = @{ kind = ''; help = 'warnings, and what was done, even where standard error is no terminal' }
                '--json' = @{ kind = ''; help = 'errors as one JSON object' }
                '--help' = @{ kind = ''; help = 'more about a command' }
            }
            arguments = @('secrets')
            many = $false
        }
        'secret import' = @{
            next = [ordered]@{
            }
            options = @{
                '--verbose' = @{ kind = ''; help = 'warnings, and what was done, even where standard error is no terminal' }
                '--json' = @{ kind = ''; help = 'errors as one JSON object' }
                '--help' = @{ kind = ''; help = 'more about a command' }
            }
            arguments = @('words:file dotenv pass aws', 'files')
            many = $true
        }
        'lock' = @{
            next = [ordered]@{
            }
            options = @{
                '--verbose' = @{ kind = ''; help = 'warnings, and what was done, even where standard error is no terminal' }
                '--json' = @{ kind = ''; help = 'errors as one JSON object' }
                '--help' = @{ kind = ''; help = 'more about a command' }
            }
            arguments = @()
            many = $false
        }
        'unlock' = @{
            next = [ordered]@{
            }
            options = @{
                '--stdin' = @{ kind = ''; help = 'reads the passphrase from standard input, without the newline at its end' }
                '--verbose' = @{ kind = ''; help = 'warnings, and what was done, even where standard error is no terminal' }
                '--json' = @{ kind = ''; help = 'errors as one JSON object' }
                '--help' = @{ kind = ''; help = 'more about a command' }
            }
            arguments = @()
            many = $false
        }
        'doctor' = @{
            next = [ordered]@{
            }
            options = @{
                '--json' = @{ kind = ''; help = 'an object' }
                '--verbose' = @{ kind = ''; help = 'warnings, and what was done, even where standard error is no terminal' }
                '--help' = @{ kind = ''; help = 'more about a command' }
            }
            arguments = @()
            many = $false
        }
        'help' = @{
            next = [ordered]@{
            }
            options = @{
                '--verbose' = @{ kind = ''; help = 'warnings, and what was done, even where standard error is no terminal' }
                '--json' = @{ kind = ''; help = 'errors as one JSON object' }
                '--help' = @{ kind = ''; help = 'more about a command' }
            }
            arguments = @('words:get header curl exec watch reject refresh status list login logout reload init secret lock unlock doctor help man completions version')
            many = $false
        }
        'man' = @{
            next = [ordered]@{
            }
            options = @{
                '--verbose' = @{ kind = ''; help = 'warnings, and what was done, even where standard error is no terminal' }
                '--json' = @{ kind = ''; help = 'errors as one JSON object' }
                '--help' = @{ kind = ''; help = 'more about a command' }
            }
            arguments = @('words:tok tokend tokend.toml')
            many = $false
        }
        'completions' = @{
            next = [ordered]@{
            }
            options = @{
                '--for' = @{ kind = 'words:tok tokend'; help = 'whose words' }
                '--names' = @{ kind = 'words:accounts secrets assignments'; help = 'what those scripts ask' }
                '--verbose' = @{ kind = ''; help = 'warnings, and what was done, even where standard error is no terminal' }
                '--json' = @{ kind = ''; help = 'errors as one JSON object' }
                '--help' = @{ kind = ''; help = 'more about a command' }
            }
            arguments = @('words:bash zsh fish powershell')
            many = $false
        }
        'version' = @{
            next = [ordered]@{
            }
            options = @{
                '--verbose' = @{ kind = ''; help = 'warnings, and what was done, even where standard error is no terminal' }
                '--json' = @{ kind = ''; help = 'errors as one JSON object' }
                '--help' = @{ kind = ''; help = 'more about a command' }
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
