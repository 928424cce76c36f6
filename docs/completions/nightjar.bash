# shellcheck shell=bash
# Completion of nightjar for bash. Made by scripts/document. Source it, or put it into
# ~/.local/share/bash-completion/completions/nightjar
_nightjar() {
  local word=${COMP_WORDS[COMP_CWORD]} command="" each words
  for each in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $each in chat|conversations|delete-account|history|login|logout|password|register|send|sessions|tail|unread|whoami) command=$each && break ;; esac
  done
  case $command in
    chat) words="--server --profile --json --help" ;;
    conversations) words="--server --profile --json --help" ;;
    delete-account) words="--yes --force --password-stdin --server --profile --json --help" ;;
    history) words="-n --before --server --profile --json --help" ;;
    login) words="--password-stdin --server --profile --json --help" ;;
    logout) words="--server --profile --json --help" ;;
    password) words="--password-stdin --server --profile --json --help" ;;
    register) words="--display-name --password-stdin --server --profile --json --help" ;;
    send) words="--timeout --server --profile --json --help" ;;
    sessions) words="--end --end-others --server --profile --json --help" ;;
    tail) words="--server --profile --json --help" ;;
    unread) words="--count --server --profile --json --help" ;;
    whoami) words="--server --profile --json --help" ;;
    *) words="chat conversations delete-account history login logout password register send sessions tail unread whoami --version --server --profile --json --help" ;;
  esac
  [[ -z $command || $word == -* ]] || words=""
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _nightjar nightjar
