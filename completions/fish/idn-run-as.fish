# SPDX-License-Identifier: MIT

# How many words belong to idn-run-as: its options with what they take, and the user, or the thread in
# place of it.  The index of the first word behind them, or nothing while they are not complete.
function __idn_run_as_command_index
    set -l words (commandline -opc)
    set -l has_user no
    set -l i 2
    while test $i -le (count $words)
        switch $words[$i]
            case --
                set i (math $i + 1)
                test $has_user = yes; and break
                # The user comes behind it.
                test $i -le (count $words); or return
                set has_user yes
                set i (math $i + 1)
                break
            case --thread
                set has_user yes
                set i (math $i + 2)
            case '--thread=*'
                set has_user yes
                set i (math $i + 1)
            case -l --level --groups --caps --chdir --umask
                set i (math $i + 2)
            case '-*'
                set i (math $i + 1)
            case '*'
                test $has_user = yes; and break
                set has_user yes
                set i (math $i + 1)
                test $i -le (count $words); and test $words[$i] = --; and set i (math $i + 1)
                break
        end
    end
    test $has_user = yes; and test $i -le (math (count $words) + 1); and echo $i
end

function __idn_run_as_needs_user
    not __idn_run_as_command_index >/dev/null
end

# The words of the command, as if they were all there is.
function __idn_run_as_command
    set -l first (__idn_run_as_command_index)
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    if test $first -le (count $words)
        complete -C (string join ' ' -- (string escape -- $words[$first..-1]) "$current")
    else
        complete -C "$current"
    end
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

# PIDs with their commands; behind a slash, the threads of that process with theirs.
function __idn_run_as_threads
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

# __idn_run_as_list WORD...: after those that are there already, with commas between them
function __idn_run_as_list
    set -l word (string replace -r '^--[a-z]*=' '' -- (commandline -ct))
    set -l prefix (string match -r '^.*,' -- $word)
    printf '%s\n' "$prefix"$argv
end

function __idn_run_as_capabilities
    __idn_run_as_list all none cap_{chown,dac_override,dac_read_search,fowner,fsetid,kill,setgid,setuid} \
        cap_{setpcap,linux_immutable,net_bind_service,net_broadcast,net_admin,net_raw,ipc_lock,ipc_owner} \
        cap_sys_{module,rawio,chroot,ptrace,pacct,admin,boot,nice,resource,time,tty_config} \
        cap_{mknod,lease,audit_write,audit_control,setfcap,mac_override,mac_admin,syslog,wake_alarm} \
        cap_{block_suspend,audit_read,perfmon,bpf,checkpoint_restore}
end

complete -c idn-run-as -x
complete -c idn-run-as -n __idn_run_as_needs_user -l groups -x -a '(__idn_run_as_list (getent group | string replace -r ":.*" ""))' -d 'Have these supplementary groups'
complete -c idn-run-as -n __idn_run_as_needs_user -l clear-groups -d 'Have no supplementary groups'
complete -c idn-run-as -n __idn_run_as_needs_user -l keep-groups -d 'Keep the supplementary groups of the caller'
complete -c idn-run-as -n __idn_run_as_needs_user -l caps -x -a '(__idn_run_as_capabilities)' -d 'Keep these capabilities'
complete -c idn-run-as -n __idn_run_as_needs_user -l thread -x -a '(__idn_run_as_threads)' -d 'Be what this thread is now'
complete -c idn-run-as -n __idn_run_as_needs_user -s l -l level -x -a 'anonymous identification impersonation delegation' -d 'Impersonation level'
complete -c idn-run-as -n __idn_run_as_needs_user -l reset-env -d 'Clear the environment first'
complete -c idn-run-as -n __idn_run_as_needs_user -l keep-env -d 'Leave the environment of the caller as it is'
complete -c idn-run-as -n __idn_run_as_needs_user -l chdir -x -a '(__fish_complete_directories (commandline -ct))' -d 'Go there, as the user'
complete -c idn-run-as -n __idn_run_as_needs_user -l umask -x -a '022 027 077' -d 'Set the umask'
complete -c idn-run-as -n __idn_run_as_needs_user -l setsid -d 'Run in a session without terminal'
complete -c idn-run-as -n __idn_run_as_needs_user -l pty -d 'Run on a terminal of its own'
complete -c idn-run-as -n __idn_run_as_needs_user -l close-fds -d 'Close all descriptors above 2'
complete -c idn-run-as -n __idn_run_as_needs_user -l limit-nproc -d 'Refuse where the user has all processes that it may'
complete -c idn-run-as -n __idn_run_as_needs_user -l no-new-privs -d 'Let no program that is run give privilege'
complete -c idn-run-as -n __idn_run_as_needs_user -l dry-run -d 'Print the identity that would be taken'
complete -c idn-run-as -n __idn_run_as_needs_user -s q -l quiet -d 'Leave warnings out'
complete -c idn-run-as -n __idn_run_as_needs_user -s v -l verbose -d 'Say each step on standard error'
complete -c idn-run-as -n __idn_run_as_needs_user -s h -l help -d 'Show the options'
complete -c idn-run-as -n __idn_run_as_needs_user -s V -l version -d 'Show the version'
complete -c idn-run-as -n __idn_run_as_needs_user -a '(__idn_run_as_identities)'
complete -c idn-run-as -n 'not __idn_run_as_needs_user' -a '(__idn_run_as_command)'
