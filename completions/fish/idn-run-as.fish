# SPDX-License-Identifier: MIT

# No word yet that is no option: the first of them is the user.
function __idn_run_as_needs_user
    set -l words (commandline -opc)
    not string match -qrv '^-' -- $words[2..-1]
end

function __idn_run_as_identities
    set -l word (commandline -ct)
    if string match -q '*:*' -- $word
        set -l user (string split -m 1 : -- $word)[1]
        for line in (getent group)
            set -l fields (string split : -- $line)
            printf '%s\tgid %s\n' $user:$fields[1] $fields[3]
        end
    else
        for line in (getent passwd)
            set -l fields (string split : -- $line)
            printf '%s\tuid %s\n' $fields[1] $fields[3]
        end
    end
end

complete -c idn-run-as -x
complete -c idn-run-as -n __idn_run_as_needs_user -s q -l quiet -d 'Leave warnings out'
complete -c idn-run-as -n __idn_run_as_needs_user -s h -l help -d 'Show the options'
complete -c idn-run-as -n __idn_run_as_needs_user -s V -l version -d 'Show the version'
complete -c idn-run-as -n __idn_run_as_needs_user -a '(__idn_run_as_identities)'
complete -c idn-run-as -n 'not __idn_run_as_needs_user' -a '(__fish_complete_subcommand --fcs-skip=2)'
