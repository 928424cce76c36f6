# shellcheck shell=bash
# Completion of nightjar for bash. Made by scripts/document. Source it, or put it into
# ~/.local/share/bash-completion/completions/nightjar
_nightjar() {
  local word=${COMP_WORDS[COMP_CWORD]} command="" each last words
  for each in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $each in block|blocks|chat|conversations|delete-account|edit|export|groups|history|login|logout|password|privacy|react|read|register|retract|send|sessions|tail|unblock|unread|versions|whoami|whois) command=$each && break ;; esac
  done
  last=${COMP_WORDS[COMP_CWORD-1]}
  case $command$([[ $last == "$command" && $word != -* ]] && printf :) in
    block) words="--server --profile --json --help" ;;
    blocks) words="--server --profile --json --help" ;;
    chat) words="--server --profile --json --help" ;;
    conversations) words="--server --profile --json --help" ;;
    delete-account) words="--yes --force --password-stdin --server --profile --json --help" ;;
    edit) words="--timeout --server --profile --json --help" ;;
    export) words="--server --profile --json --help" ;;
    groups) words="--server --profile --json --help --open --yes --member --history --role" ;;
    history) words="-n --before --search --seqs --server --profile --json --help" ;;
    login) words="--password-stdin --server --profile --json --help" ;;
    logout) words="--server --profile --json --help" ;;
    password) words="--password-stdin --server --profile --json --help" ;;
    privacy) words="--markers --presence --typing --server --profile --json --help" ;;
    react) words="--remove --timeout --server --profile --json --help" ;;
    read) words="--timeout --server --profile --json --help" ;;
    register) words="--display-name --password-stdin --server --profile --json --help" ;;
    retract) words="--timeout --server --profile --json --help" ;;
    send) words="--reply-to --timeout --server --profile --json --help" ;;
    sessions) words="--end --end-others --server --profile --json --help" ;;
    tail) words="--seqs --server --profile --json --help" ;;
    unblock) words="--server --profile --json --help" ;;
    unread) words="--count --server --profile --json --help" ;;
    versions) words="--server --profile --json --help" ;;
    whoami) words="--server --profile --json --help" ;;
    whois) words="--server --profile --json --help" ;;
    groups:) words="add create delete join leave list remove rename role show" && command="" ;;
    *:) words="" ;;
    *) words="block blocks chat conversations delete-account edit export groups history login logout password privacy react read register retract send sessions tail unblock unread versions whoami whois --version --server --profile --json --help" ;;
  esac
  [[ -z $command || $word == -* ]] || words=""
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _nightjar nightjar
