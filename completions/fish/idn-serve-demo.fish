# SPDX-License-Identifier: MIT

complete -c idn-serve-demo -f
complete -c idn-serve-demo -l unix -rF -d 'Listen on a Unix socket'
complete -c idn-serve-demo -l root -xa '(__fish_complete_directories)' -d 'Serve the files below a directory'
complete -c idn-serve-demo -l threads -x -d 'Serve by so many threads'
complete -c idn-serve-demo -l user -xa '(__fish_complete_users)' -d 'As root, go on as this user'
complete -c idn-serve-demo -l stay-root -d 'As root, stay root'
complete -c idn-serve-demo -l socket-mode -xa '0600 0660 0666' -d 'Mode of the socket'
complete -c idn-serve-demo -l max-header -x -d 'Bytes of request line and headers'
complete -c idn-serve-demo -l max-body -x -d 'Bytes of a request\'s body'
complete -c idn-serve-demo -l max-connections -x -d 'Connections at a time'
complete -c idn-serve-demo -l max-client-connections -x -d 'Connections at a time of one user'
complete -c idn-serve-demo -l timeout -x -d 'Seconds without a byte until a connection is closed'
complete -c idn-serve-demo -l log -xa 'auto journal syslog stderr' -d 'Where to log'
complete -c idn-serve-demo -s q -l quiet -d 'Leave warnings out on stderr'
complete -c idn-serve-demo -s v -l verbose -d 'Log what the HTTP library says'
complete -c idn-serve-demo -s h -l help -d 'Show the options'
complete -c idn-serve-demo -s V -l version -d 'Show the version'
