# made by `cargo words` from the definitions in the sources: changes here are lost

# The words before the one that is being typed, up to `--`: the command, what it goes on with, how many arguments.
function __tokend_place
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
            contains -- $word --log-format --shell; and set -e words[1]
        else if contains -- (string trim -- "$path $word") 'check' 'env' 'install' 'uninstall' 'schema'
            set path (string trim -- "$path $word")
            set count 0
        else
            set count (math $count + 1)
        end
    end
    echo "$path $count"
end

# Whether the words so far lead to "$argv[1]", and, if it is given, to the argument of this number.
function __tokend_at
    set -l place (string split -r -m 1 ' ' -- (__tokend_place))
    test "$place[1]" = "$argv[1]"; or return
    if set -q argv[2]
        test "$place[2]" = "$argv[2]"
    else
        test "$place[2]" != --
    end
end

function __tokend_names
    command tok completions --names $argv[1] 2>/dev/null
end

function __tokend_assignments
    set -l token (commandline -ct)
    # In `--file=A=x` the assignment stands behind the option.
    set token (string replace -r -- '^--[a-z-]+=' '' $token)
    if string match -q -- '*=*' $token
        set -l variable (string split -m 1 = -- $token)[1]
        string replace -r -- '^' "$variable=" (__tokend_names accounts)
    else
        __tokend_names assignments
    end
end

# What stands behind `--` is the call of another program, "$argv[1]" or the one that is named there.
function __tokend_behind
    set -l words (commandline -opc)
    set -l at (contains -i -- -- $words); or return
    set -l rest $argv $words[(math $at + 1)..-1]
    set -e words[1..$at]
    complete -C (string join ' ' -- (string escape -- $argv $words) (commandline -ct))
end

complete -c tokend -e
complete -c tokend -f

complete -c tokend -n "__tokend_at ''" -a check -d 'validates the configuration and prints what it understood'
complete -c tokend -n "__tokend_at ''" -a env -d 'starts tokend in the background, unless it runs, and prints TOKEND_SOCK, for eval "$(tokend env)"'
complete -c tokend -n "__tokend_at ''" -a install -d 'sets tokend up as a service of your own'
complete -c tokend -n "__tokend_at ''" -a uninstall -d 'takes away what install set up'
complete -c tokend -n "__tokend_at ''" -a schema -d 'prints the JSON Schema of the configuration, with which editors complete and check it'
complete -c tokend -n "__tokend_at ''" -l help -s h -d 'what can be said'
complete -c tokend -n "__tokend_at ''" -l log-format -x -a 'text json' -d 'how the log is written'
complete -c tokend -n "__tokend_at ''" -l version -s V -d 'which tokend this is'

complete -c tokend -n "__tokend_at 'check'" -l help -s h -d 'what can be said'

complete -c tokend -n "__tokend_at 'env'" -l kill -s k -d 'stops the one that runs instead, and takes TOKEND_SOCK away'
complete -c tokend -n "__tokend_at 'env'" -l shell -x -a 'sh\t"sh, bash, zsh, ksh" csh\t"csh, tcsh" fish\t"fish" powershell\t"PowerShell" cmd\t"the command prompt of Windows"' -d 'in the words of this shell'
complete -c tokend -n "__tokend_at 'env'" -l help -s h -d 'what can be said'

complete -c tokend -n "__tokend_at 'install'" -l dry-run -d 'shows what would be done, and does nothing'
complete -c tokend -n "__tokend_at 'install'" -l help -s h -d 'what can be said'

complete -c tokend -n "__tokend_at 'uninstall'" -l dry-run -d 'shows what would be done, and does nothing'
complete -c tokend -n "__tokend_at 'uninstall'" -l help -s h -d 'what can be said'

complete -c tokend -n "__tokend_at 'schema'" -l help -s h -d 'what can be said'
