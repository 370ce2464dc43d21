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

complete -c idn-show -f
complete -c idn-show -l json -d 'One JSON object a line, a thread each'
complete -c idn-show -s q -l quiet -d 'Leave messages out'
complete -c idn-show -s v -l verbose -d 'A line for every other thread of a process too'
complete -c idn-show -s h -l help -d 'Show the options'
complete -c idn-show -s V -l version -d 'Show the version'
complete -c idn-show -k -a '(__idn_show_threads)'
