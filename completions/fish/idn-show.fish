# SPDX-License-Identifier: MIT

# PIDs with their commands; behind a slash, the threads of that process with theirs.
function __idn_show_threads
    set -l word (commandline -ct)
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

# Commands of processes.
function __idn_show_commands
    for file in /proc/*/comm
        string match -qr '^/proc/[1-9]' -- $file; or continue
        begin
            read -l name <$file
            and printf '%s\n' "$name"
        end 2>/dev/null
    end | sort -u
end

# The keys that are there already, and one more.
function __idn_show_keys
    set -l word (string replace -r '^--sort=' '' -- (commandline -ct))
    set -l prefix (string match -r '^.*,' -- $word)
    for line in 'pid\tby pid and tid' 'user\tby whose work it is' \
            'level\tfrom not impersonating to delegation' 'state\tconsistent first' \
            'service\tby primary identity' 'client\tby the pid of the client' \
            'since\tthe longest first' 'command\tby the name of the thread'
        printf "%s$line\n%s-$line, descending\n" "$prefix" "$prefix"
    end
end

complete -c idn-show -f
complete -c idn-show -s a -l all -d 'A table of the threads that act for somebody, or should'
complete -c idn-show -l threads -d 'A table of every thread'
complete -c idn-show -s u -l user -xa '(__fish_complete_users)' -d 'Only threads whose user, or access, is this'
complete -c idn-show -s l -l level -xa 'anonymous identification impersonation delegation unknown' -d 'Only threads at this level'
complete -c idn-show -s s -l state -xa 'consistent lost leaked mismatched unrecorded' -d 'Only threads in this state'
complete -c idn-show -l service -xa '(__idn_show_commands)' -d 'Only threads of this command, or this account'
complete -c idn-show -l sort -xa '(__idn_show_keys)' -d 'Sort by keys, descending behind a -'
complete -c idn-show -s w -l watch -d 'Show the table again and again'
complete -c idn-show -s c -l compare -d 'Two threads side by side'
complete -c idn-show -l json -d 'One JSON object a line, a thread each'
complete -c idn-show -s q -l quiet -d 'Leave warnings out'
complete -c idn-show -s v -l verbose -d 'Every other thread of a process, all columns of the table'
complete -c idn-show -s h -l help -d 'Show the options'
complete -c idn-show -s V -l version -d 'Show the version'
complete -c idn-show -k -a '(__idn_show_threads)'
