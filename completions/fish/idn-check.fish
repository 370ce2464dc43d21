# SPDX-License-Identifier: MIT

# The subcommand, where there is one.
function __idn_check_subcommand
    set -l words (commandline -opc)
    test (count $words) -ge 2; and contains -- $words[2] access who run policy threads service ledger; and echo $words[2]
end

# __idn_check_is SUBCOMMAND...: is it one of these, and its options still go on?
function __idn_check_is
    set -l subcommand (__idn_check_subcommand); or return
    contains -- $subcommand $argv; or return
    test $subcommand != run; or not __idn_check_command_index >/dev/null
end

function __idn_check_needs_subcommand
    test (count (commandline -opc)) -eq 1
end

# For run: the index of the command's first word; nothing while options go on.
function __idn_check_command_index
    test "$(__idn_check_subcommand)" = run; or return
    set -l words (commandline -opc)
    set -l i 3
    while test $i -le (count $words)
        switch $words[$i]
            case --
                echo (math $i + 1)
                return
            case -u --user -t --thread -l --level -o --output
                set i (math $i + 2)
            case '-*'
                set i (math $i + 1)
            case '*'
                echo $i
                return
        end
    end
    test $i -eq (math (count $words) + 1); and not string match -q -- '-*' (commandline -ct); and echo $i
end

function __idn_check_runs
    __idn_check_command_index >/dev/null
end

# The words of the command, as if they were all there is.
function __idn_check_command
    set -l first (__idn_check_command_index)
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    if test $first -le (count $words)
        complete -C (string join ' ' -- (string escape -- $words[$first..-1]) "$current")
    else
        complete -C "$current"
    end
end

# PIDs with their commands; behind a slash, the threads of that process with theirs.
function __idn_check_threads
    set -l word (string replace -r '^--thread=' '' -- (commandline -ct))
    set -l prefix ''
    set -l directories
    if string match -q '*/*' -- $word
        set prefix (string split -m 1 / -- $word)[1]
        string match -qr '^[1-9][0-9]*$' -- $prefix; or return
        set directories /proc/$prefix/task/*
        set prefix $prefix/
    else
        set directories /proc/*
    end
    for directory in $directories
        set -l id (string replace -r '.*/' '' -- $directory)
        string match -qr '^[1-9][0-9]*$' -- $id; or continue
        set -l name
        begin
            read name <$directory/comm
        end 2>/dev/null
        printf '%s\t%s\n' $prefix$id "$name"
    end
end

function __idn_check_wants
    printf '%s\n' r\tread w\twrite x\t'execute, or search a directory' rw\t'read and write' \
        rx\t'read and execute' wx\t'write and execute' rwx\t'all three' create\t'make what is not there' \
        w,create\t'open for writing, made where it is missing' \
        rw,create\t'open for both, made where it is missing' delete\t'remove from its directory' \
        chmod\t'change the mode' chown\t'give to anybody' list\t'read the names in a directory' \
        link\t'give it another name'
end

# Users, after those that are there already, with commas between them.
function __idn_check_only
    set -l word (string replace -r '^--only=' '' -- (commandline -ct))
    set -l prefix (string match -r '^.*,' -- $word)
    for line in (getent passwd)
        set -l fields (string split : -- $line)
        printf '%s\tuid %s\n' "$prefix"$fields[1] $fields[3]
    end
end

# Those that have a policy.
function __idn_check_services
    for path in /etc/impersonate/*.conf
        string replace -r '.*/(.*)\.conf$' '$1' -- $path
    end
end

complete -c idn-check -n __idn_check_needs_subcommand -f
complete -c idn-check -n __idn_check_needs_subcommand -a access -d 'May an identity use a path, and what decides'
complete -c idn-check -n __idn_check_needs_subcommand -a who -d 'Everybody who may'
complete -c idn-check -n __idn_check_needs_subcommand -a run -d 'Run a command and explain what it is refused'
complete -c idn-check -n __idn_check_needs_subcommand -a policy -d 'What a policy file says, and what is dangerous'
complete -c idn-check -n __idn_check_needs_subcommand -a threads -d 'Threads that are not who they should be'
complete -c idn-check -n __idn_check_needs_subcommand -a service -d 'Can this service impersonate, and is it safe to'
complete -c idn-check -n __idn_check_needs_subcommand -a ledger -d 'The ledgers, and whose they are'
complete -c idn-check -n '__idn_check_is access run' -s u -l user -xa '(__fish_complete_users)' -d 'For this user'
complete -c idn-check -n '__idn_check_is access run' -s t -l thread -xa '(__idn_check_threads)' -d 'For what this thread is now'
complete -c idn-check -n '__idn_check_is access run' -s l -l level -xa 'anonymous identification impersonation delegation' -d 'At this level'
complete -c idn-check -n '__idn_check_is access who' -s w -l want -xa '(__idn_check_wants)' -d 'What is wanted'
complete -c idn-check -n '__idn_check_is access' -s r -l recursive -d 'Everything below'
complete -c idn-check -n '__idn_check_is access' -l list -xa 'allowed denied' -d 'Name these paths'
complete -c idn-check -n '__idn_check_is access who' -s 0 -l null -d 'End names with a NUL'
complete -c idn-check -n '__idn_check_is access' -s x -l one-file-system -d 'Do not enter other file systems'
complete -c idn-check -n '__idn_check_is who' -l users -rF -d 'Take the accounts from a file'
complete -c idn-check -n '__idn_check_is who' -l only -xa '(__idn_check_only)' -d 'Nobody but these'
complete -c idn-check -n '__idn_check_is run' -s o -l output -rF -d 'Write explanations there'
complete -c idn-check -n '__idn_check_is policy' -l service -xa '(__idn_check_services)' -d 'The policy of this service'
complete -c idn-check -n '__idn_check_is policy' -l service-user -xa '(__fish_complete_users)' -d 'The service runs as this user'
complete -c idn-check -n '__idn_check_is threads service ledger' -f
complete -c idn-check -n '__idn_check_is threads service' -a '(__idn_check_threads)'
complete -c idn-check -n '__idn_check_is threads' -s a -l all -d 'Every thread of the machine'
complete -c idn-check -n '__idn_check_is threads' -l every -xa '100ms 500ms 1s 10s 1m' -d 'Look so often'
complete -c idn-check -n '__idn_check_is threads' -l for -xa '1s 10s 1m 1h' -d 'End after so long'
complete -c idn-check -n '__idn_check_is ledger' -l clean -d 'Remove those whose process is gone'
complete -c idn-check -n '__idn_check_is access who run policy threads service ledger' -l json -d 'JSON objects, one a line'
complete -c idn-check -n '__idn_check_is access who run policy threads service ledger' -s q -l quiet -d 'No answers, or of a command that is run no warnings'
complete -c idn-check -n '__idn_check_is access who run policy threads' -s v -l verbose -d 'The raw facts behind each step'
complete -c idn-check -n '__idn_check_needs_subcommand; or __idn_check_is access who run policy threads service ledger' -s h -l help -d 'Show the options'
complete -c idn-check -n '__idn_check_needs_subcommand; or __idn_check_is access who run policy threads service ledger' -s V -l version -d 'Show the version'
complete -c idn-check -n __idn_check_runs -f
complete -c idn-check -n __idn_check_runs -a '(__idn_check_command)'
