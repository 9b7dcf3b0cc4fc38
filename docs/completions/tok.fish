# made by `cargo words` from the definitions in the sources: changes here are lost

# The words before the one that is being typed, up to `--`: the command, what it goes on with, how many arguments.
function __tok_place
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
            contains -- $word --audience --credential --file --for --format --hash --host --min-valid --names --plugin --port --scope --ssh-key --timeout --user --var; and set -e words[1]
        else if contains -- (string trim -- "$path $word") 'get' 'header' 'curl' 'exec' 'watch' 'reject' 'refresh' 'status' 'list' 'login' 'logout' 'reload' 'init' 'secret' 'secret set' 'secret list' 'secret show' 'secret remove' 'secret import' 'lock' 'unlock' 'doctor' 'help' 'man' 'completions' 'version'
            set path (string trim -- "$path $word")
            set count 0
        else
            set count (math $count + 1)
        end
    end
    echo "$path $count"
end

# Whether the words so far lead to "$argv[1]", and, if it is given, to the argument of this number.
function __tok_at
    set -l place (string split -r -m 1 ' ' -- (__tok_place))
    test "$place[1]" = "$argv[1]"; or return
    if set -q argv[2]
        test "$place[2]" = "$argv[2]"
    else
        test "$place[2]" != --
    end
end

function __tok_names
    command tok completions --names $argv[1] 2>/dev/null
end

function __tok_assignments
    set -l token (commandline -ct)
    # In `--file=A=x` the assignment stands behind the option.
    set token (string replace -r -- '^--[a-z-]+=' '' $token)
    if string match -q -- '*=*' $token
        set -l variable (string split -m 1 = -- $token)[1]
        string replace -r -- '^' "$variable=" (__tok_names accounts)
    else
        __tok_names assignments
    end
end

# What stands behind `--` is the call of another program, "$argv[1]" or the one that is named there.
function __tok_behind
    set -l words (commandline -opc)
    set -l at (contains -i -- -- $words); or return
    set -l rest $argv $words[(math $at + 1)..-1]
    set -e words[1..$at]
    complete -C (string join ' ' -- (string escape -- $argv $words) (commandline -ct))
end

complete -c tok -e
complete -c tok -f

complete -c tok -n "__tok_at ''" -a get -d 'the token of an account, on standard output'
complete -c tok -n "__tok_at ''" -a header -d 'the same as a line Authorization'
complete -c tok -n "__tok_at ''" -a curl -d 'curl with the token, which no process list shows'
complete -c tok -n "__tok_at ''" -a exec -d 'runs a program with tokens in its environment, or in files kept fresh'
complete -c tok -n "__tok_at ''" -a watch -d 'a line of JSON at each new token'
complete -c tok -n "__tok_at ''" -a reject -d 'says that the service refused a token'
complete -c tok -n "__tok_at ''" -a refresh -d 'fetches a new token now'
complete -c tok -n "__tok_at ''" -a status -d 'how each account is, and what to do'
complete -c tok -n "__tok_at ''" -a list -d 'the accounts\' names and types'
complete -c tok -n "__tok_at ''" -a login -d 'logs a person in, for accounts that need that once'
complete -c tok -n "__tok_at ''" -a logout -d 'ends a login, here and at the service'
complete -c tok -n "__tok_at ''" -a reload -d 'the daemon reads its configuration again'
complete -c tok -n "__tok_at ''" -a init -d 'makes the identity, the key of the store'
complete -c tok -n "__tok_at ''" -a secret -d 'keeps, lists, shows, removes and imports secrets'
complete -c tok -n "__tok_at ''" -a lock -d 'the daemon forgets keys, secrets and tokens'
complete -c tok -n "__tok_at ''" -a unlock -d 'gives it the key again'
complete -c tok -n "__tok_at ''" -a doctor -d 'checks the whole set-up, and says how to mend it'
complete -c tok -n "__tok_at ''" -a help -d 'this, or more about one command'
complete -c tok -n "__tok_at ''" -a man -d 'the manual, for reading'
complete -c tok -n "__tok_at ''" -a completions -d 'what makes a shell complete tok\'s words'
complete -c tok -n "__tok_at ''" -a version -d 'which tok this is'
complete -c tok -n "__tok_at ''" -l verbose -s v -d 'warnings, and what was done, even where standard error is no terminal'
complete -c tok -n "__tok_at ''" -l json -d 'errors as one JSON object'
complete -c tok -n "__tok_at ''" -l help -s h -d 'more about a command'
complete -c tok -n "__tok_at ''" -l version -s V -d 'which tok this is'

complete -c tok -n "__tok_at 'get'" -l min-valid -x -a '30s 1m 5m 15m 30m 1h 8h 24h' -d 'at least this much life left'
complete -c tok -n "__tok_at 'get'" -l scope -x -d 'a token for these scopes'
complete -c tok -n "__tok_at 'get'" -l audience -x -d 'a token for these audiences'
complete -c tok -n "__tok_at 'get'" -l timeout -x -a '30s 1m 5m 15m 30m 1h 8h 24h' -d 'how long to wait for the service (default 30s, at most 10m)'
complete -c tok -n "__tok_at 'get'" -l id-token -d 'the id token that came with the token, its signature and claims checked'
complete -c tok -n "__tok_at 'get'" -l format -x -a 'raw\t"the token (default)" header\t"Authorization" json\t"an object" env\t"export NAME=\'TOKEN\', quoted for a shell" form\t"NAME=TOKEN, percent-encoded, for services that take it as a parameter" xoauth2\t"for mail programs" oauthbearer\t"the same by RFC 7628"' -d 'how it is written'
complete -c tok -n "__tok_at 'get'" -l var -x -d 'the variable\'s name for env (default LYVE_PROD_TOKEN for lyve-prod)'
complete -c tok -n "__tok_at 'get'" -l user -x -d 'the mailbox, for xoauth2 and oauthbearer'
complete -c tok -n "__tok_at 'get'" -l host -x -d 'the mail server'
complete -c tok -n "__tok_at 'get'" -l port -x -d 'its port'
complete -c tok -n "__tok_at 'get'" -l verbose -s v -d 'warnings, and what was done, even where standard error is no terminal'
complete -c tok -n "__tok_at 'get'" -l json -d 'errors as one JSON object'
complete -c tok -n "__tok_at 'get'" -l help -s h -d 'more about a command'
complete -c tok -n "__tok_at 'get' 0" -a '(__tok_names accounts)'

complete -c tok -n "__tok_at 'header'" -l min-valid -x -a '30s 1m 5m 15m 30m 1h 8h 24h' -d 'at least this much life left'
complete -c tok -n "__tok_at 'header'" -l scope -x -d 'a token for these scopes'
complete -c tok -n "__tok_at 'header'" -l audience -x -d 'a token for these audiences'
complete -c tok -n "__tok_at 'header'" -l timeout -x -a '30s 1m 5m 15m 30m 1h 8h 24h' -d 'how long to wait for the service (default 30s, at most 10m)'
complete -c tok -n "__tok_at 'header'" -l verbose -s v -d 'warnings, and what was done, even where standard error is no terminal'
complete -c tok -n "__tok_at 'header'" -l json -d 'errors as one JSON object'
complete -c tok -n "__tok_at 'header'" -l help -s h -d 'more about a command'
complete -c tok -n "__tok_at 'header' 0" -a '(__tok_names accounts)'

complete -c tok -n "__tok_at 'curl'" -l min-valid -x -a '30s 1m 5m 15m 30m 1h 8h 24h' -d 'at least this much life left'
complete -c tok -n "__tok_at 'curl'" -l scope -x -d 'a token for these scopes'
complete -c tok -n "__tok_at 'curl'" -l audience -x -d 'a token for these audiences'
complete -c tok -n "__tok_at 'curl'" -l timeout -x -a '30s 1m 5m 15m 30m 1h 8h 24h' -d 'how long to wait for the service (default 30s, at most 10m)'
complete -c tok -n "__tok_at 'curl'" -l verbose -s v -d 'warnings, and what was done, even where standard error is no terminal'
complete -c tok -n "__tok_at 'curl'" -l json -d 'errors as one JSON object'
complete -c tok -n "__tok_at 'curl'" -l help -s h -d 'more about a command'
complete -c tok -n "__tok_at 'curl' 0" -a '(__tok_names accounts)'
complete -c tok -n "__tok_at 'curl' --" -a '(__tok_behind curl)'

complete -c tok -n "__tok_at 'exec'" -l file -x -a '(__tok_assignments)' -d 'the variable holds the path of a file, readable by you alone, with the token'
complete -c tok -n "__tok_at 'exec'" -l min-valid -x -a '30s 1m 5m 15m 30m 1h 8h 24h' -d 'at least this much life left'
complete -c tok -n "__tok_at 'exec'" -l scope -x -d 'a token for these scopes'
complete -c tok -n "__tok_at 'exec'" -l audience -x -d 'a token for these audiences'
complete -c tok -n "__tok_at 'exec'" -l timeout -x -a '30s 1m 5m 15m 30m 1h 8h 24h' -d 'how long to wait for the service (default 30s, at most 10m)'
complete -c tok -n "__tok_at 'exec'" -l verbose -s v -d 'warnings, and what was done, even where standard error is no terminal'
complete -c tok -n "__tok_at 'exec'" -l json -d 'errors as one JSON object'
complete -c tok -n "__tok_at 'exec'" -l help -s h -d 'more about a command'
complete -c tok -n "__tok_at 'exec'" -a '(__tok_assignments)'
complete -c tok -n "__tok_at 'exec' --" -a '(__tok_behind )'

complete -c tok -n "__tok_at 'watch'" -l verbose -s v -d 'warnings, and what was done, even where standard error is no terminal'
complete -c tok -n "__tok_at 'watch'" -l json -d 'errors as one JSON object'
complete -c tok -n "__tok_at 'watch'" -l help -s h -d 'more about a command'
complete -c tok -n "__tok_at 'watch' 0" -a '(__tok_names accounts)'

complete -c tok -n "__tok_at 'reject'" -l hash -x -d 'the SHA-256 of the token instead of the token, 64 hex digits'
complete -c tok -n "__tok_at 'reject'" -l verbose -s v -d 'warnings, and what was done, even where standard error is no terminal'
complete -c tok -n "__tok_at 'reject'" -l json -d 'errors as one JSON object'
complete -c tok -n "__tok_at 'reject'" -l help -s h -d 'more about a command'
complete -c tok -n "__tok_at 'reject' 0" -a '(__tok_names accounts)'

complete -c tok -n "__tok_at 'refresh'" -l timeout -x -a '30s 1m 5m 15m 30m 1h 8h 24h' -d 'how long to wait for the service (default 30s, at most 10m)'
complete -c tok -n "__tok_at 'refresh'" -l verbose -s v -d 'warnings, and what was done, even where standard error is no terminal'
complete -c tok -n "__tok_at 'refresh'" -l json -d 'errors as one JSON object'
complete -c tok -n "__tok_at 'refresh'" -l help -s h -d 'more about a command'
complete -c tok -n "__tok_at 'refresh' 0" -a '(__tok_names accounts)'

complete -c tok -n "__tok_at 'status'" -l check -d 'exits with the worst'
complete -c tok -n "__tok_at 'status'" -l watch -d 'shows it live on the whole terminal, those that need a person first'
complete -c tok -n "__tok_at 'status'" -l json -d 'a list of objects'
complete -c tok -n "__tok_at 'status'" -l verbose -s v -d 'warnings, and what was done, even where standard error is no terminal'
complete -c tok -n "__tok_at 'status'" -l help -s h -d 'more about a command'
complete -c tok -n "__tok_at 'status' 0" -a '(__tok_names accounts)'

complete -c tok -n "__tok_at 'list'" -l json -d 'a list of objects'
complete -c tok -n "__tok_at 'list'" -l verbose -s v -d 'warnings, and what was done, even where standard error is no terminal'
complete -c tok -n "__tok_at 'list'" -l help -s h -d 'more about a command'

complete -c tok -n "__tok_at 'login'" -l device -d 'shows a code to type on another device, though there is a browser'
complete -c tok -n "__tok_at 'login'" -l no-browser -d 'shows an address to open in a browser elsewhere'
complete -c tok -n "__tok_at 'login'" -l for -x -a '30s 1m 5m 15m 30m 1h 8h 24h' -d 'the login is forgotten after so long, such as 8h'
complete -c tok -n "__tok_at 'login'" -l json -d 'an object at the end'
complete -c tok -n "__tok_at 'login'" -l verbose -s v -d 'warnings, and what was done, even where standard error is no terminal'
complete -c tok -n "__tok_at 'login'" -l help -s h -d 'more about a command'
complete -c tok -n "__tok_at 'login' 0" -a '(__tok_names accounts)'

complete -c tok -n "__tok_at 'logout'" -l local -d 'the service is not told'
complete -c tok -n "__tok_at 'logout'" -l json -d 'an object'
complete -c tok -n "__tok_at 'logout'" -l verbose -s v -d 'warnings, and what was done, even where standard error is no terminal'
complete -c tok -n "__tok_at 'logout'" -l help -s h -d 'more about a command'
complete -c tok -n "__tok_at 'logout' 0" -a '(__tok_names accounts)'

complete -c tok -n "__tok_at 'reload'" -l verbose -s v -d 'warnings, and what was done, even where standard error is no terminal'
complete -c tok -n "__tok_at 'reload'" -l json -d 'errors as one JSON object'
complete -c tok -n "__tok_at 'reload'" -l help -s h -d 'more about a command'

complete -c tok -n "__tok_at 'init'" -l no-passphrase -d 'makes one without a passphrase, and asks nothing'
complete -c tok -n "__tok_at 'init'" -l stdin -d 'reads the passphrase from standard input, without the newline at its end'
complete -c tok -n "__tok_at 'init'" -l ssh-key -r -F -d 'an SSH key opens the store instead of a passphrase'
complete -c tok -n "__tok_at 'init'" -l plugin -r -F -d 'an age plugin does (a TPM, a YubiKey)'
complete -c tok -n "__tok_at 'init'" -l keyring -d 'the desktop\'s keyring keeps the identity'
complete -c tok -n "__tok_at 'init'" -l credential -x -d 'systemd does (LoadCredentialEncrypted=), so that a service starts unattended'
complete -c tok -n "__tok_at 'init'" -l change-passphrase -d 'gives the identity that is there another passphrase'
complete -c tok -n "__tok_at 'init'" -l verbose -s v -d 'warnings, and what was done, even where standard error is no terminal'
complete -c tok -n "__tok_at 'init'" -l json -d 'errors as one JSON object'
complete -c tok -n "__tok_at 'init'" -l help -s h -d 'more about a command'

complete -c tok -n "__tok_at 'secret'" -a set -d 'keeps a secret'
complete -c tok -n "__tok_at 'secret'" -a list -d 'the secrets\' names'
complete -c tok -n "__tok_at 'secret'" -a show -d 'the secret itself'
complete -c tok -n "__tok_at 'secret'" -a remove -d 'removes a secret'
complete -c tok -n "__tok_at 'secret'" -a import -d 'takes secrets over from elsewhere'
complete -c tok -n "__tok_at 'secret'" -l verbose -s v -d 'warnings, and what was done, even where standard error is no terminal'
complete -c tok -n "__tok_at 'secret'" -l json -d 'errors as one JSON object'
complete -c tok -n "__tok_at 'secret'" -l help -s h -d 'more about a command'

complete -c tok -n "__tok_at 'secret set'" -l for -x -a '(__tok_names accounts)' -d 'only this account gets it'
complete -c tok -n "__tok_at 'secret set'" -l for-any -d 'every account does'
complete -c tok -n "__tok_at 'secret set'" -l verbose -s v -d 'warnings, and what was done, even where standard error is no terminal'
complete -c tok -n "__tok_at 'secret set'" -l json -d 'errors as one JSON object'
complete -c tok -n "__tok_at 'secret set'" -l help -s h -d 'more about a command'
complete -c tok -n "__tok_at 'secret set' 0" -a '(__tok_names secrets)'

complete -c tok -n "__tok_at 'secret list'" -l verbose -s v -d 'warnings, and what was done, even where standard error is no terminal'
complete -c tok -n "__tok_at 'secret list'" -l json -d 'errors as one JSON object'
complete -c tok -n "__tok_at 'secret list'" -l help -s h -d 'more about a command'

complete -c tok -n "__tok_at 'secret show'" -l stdin -d 'the passphrase of the store comes through standard input'
complete -c tok -n "__tok_at 'secret show'" -l verbose -s v -d 'warnings, and what was done, even where standard error is no terminal'
complete -c tok -n "__tok_at 'secret show'" -l json -d 'errors as one JSON object'
complete -c tok -n "__tok_at 'secret show'" -l help -s h -d 'more about a command'
complete -c tok -n "__tok_at 'secret show' 0" -a '(__tok_names secrets)'

complete -c tok -n "__tok_at 'secret remove'" -l verbose -s v -d 'warnings, and what was done, even where standard error is no terminal'
complete -c tok -n "__tok_at 'secret remove'" -l json -d 'errors as one JSON object'
complete -c tok -n "__tok_at 'secret remove'" -l help -s h -d 'more about a command'
complete -c tok -n "__tok_at 'secret remove' 0" -a '(__tok_names secrets)'

complete -c tok -n "__tok_at 'secret import'" -l verbose -s v -d 'warnings, and what was done, even where standard error is no terminal'
complete -c tok -n "__tok_at 'secret import'" -l json -d 'errors as one JSON object'
complete -c tok -n "__tok_at 'secret import'" -l help -s h -d 'more about a command'
complete -c tok -n "__tok_at 'secret import' 0" -a 'file\t"a file that is one secret" dotenv\t"variables of a dotenv file" pass\t"entries of the password store pass" aws\t"the keys in an AWS credentials file"'
complete -c tok -n "__tok_at 'secret import'" -F

complete -c tok -n "__tok_at 'lock'" -l verbose -s v -d 'warnings, and what was done, even where standard error is no terminal'
complete -c tok -n "__tok_at 'lock'" -l json -d 'errors as one JSON object'
complete -c tok -n "__tok_at 'lock'" -l help -s h -d 'more about a command'

complete -c tok -n "__tok_at 'unlock'" -l stdin -d 'reads the passphrase from standard input, without the newline at its end'
complete -c tok -n "__tok_at 'unlock'" -l verbose -s v -d 'warnings, and what was done, even where standard error is no terminal'
complete -c tok -n "__tok_at 'unlock'" -l json -d 'errors as one JSON object'
complete -c tok -n "__tok_at 'unlock'" -l help -s h -d 'more about a command'

complete -c tok -n "__tok_at 'doctor'" -l json -d 'an object'
complete -c tok -n "__tok_at 'doctor'" -l verbose -s v -d 'warnings, and what was done, even where standard error is no terminal'
complete -c tok -n "__tok_at 'doctor'" -l help -s h -d 'more about a command'

complete -c tok -n "__tok_at 'help'" -l verbose -s v -d 'warnings, and what was done, even where standard error is no terminal'
complete -c tok -n "__tok_at 'help'" -l json -d 'errors as one JSON object'
complete -c tok -n "__tok_at 'help'" -l help -s h -d 'more about a command'
complete -c tok -n "__tok_at 'help' 0" -a 'get header curl exec watch reject refresh status list login logout reload init secret lock unlock doctor help man completions version'

complete -c tok -n "__tok_at 'man'" -l verbose -s v -d 'warnings, and what was done, even where standard error is no terminal'
complete -c tok -n "__tok_at 'man'" -l json -d 'errors as one JSON object'
complete -c tok -n "__tok_at 'man'" -l help -s h -d 'more about a command'
complete -c tok -n "__tok_at 'man' 0" -a 'tok\t"tok(1), the client" tokend\t"tokend(8), the daemon" tokend.toml\t"tokend.toml(5), the configuration"'

complete -c tok -n "__tok_at 'completions'" -l for -x -a 'tok tokend' -d 'whose words'
complete -c tok -n "__tok_at 'completions'" -l names -x -a 'accounts\t"the accounts that the daemon has" secrets\t"the secrets in the store" assignments\t"a variable and an account for each, as tok exec takes them"' -d 'what those scripts ask'
complete -c tok -n "__tok_at 'completions'" -l verbose -s v -d 'warnings, and what was done, even where standard error is no terminal'
complete -c tok -n "__tok_at 'completions'" -l json -d 'errors as one JSON object'
complete -c tok -n "__tok_at 'completions'" -l help -s h -d 'more about a command'
complete -c tok -n "__tok_at 'completions' 0" -a 'bash zsh fish powershell'

complete -c tok -n "__tok_at 'version'" -l verbose -s v -d 'warnings, and what was done, even where standard error is no terminal'
complete -c tok -n "__tok_at 'version'" -l json -d 'errors as one JSON object'
complete -c tok -n "__tok_at 'version'" -l help -s h -d 'more about a command'
