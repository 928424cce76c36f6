#compdef nightjar
# Completion of nightjar for zsh. Made by scripts/document. Put it into $fpath as _nightjar.
_nightjar() {
  local -a commands
  commands=(
    'chat:Open the full-screen app, in the conversation WITH somebody or in the last one'
    'conversations:List your conversations, the newest first'
    'delete-account:Delete the account for good'
    'history:Show stored messages, oldest first'
    'login:Log in on this profile; a login that it had before is ended'
    'logout:End this profile'\''s session, here and at the server'
    'password:Change the password; every other session ends'
    'register:Make an account and log in to it'
    'send:Send one message and wait until it is stored'
    'sessions:List your login sessions, one a device, or end some'
    'tail:Show messages as they arrive, until interrupted: first those since the last time'
    'unread:List the conversations with unread messages, and how many each has'
    'whoami:Say who is logged in, where, and as which device'
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  case ${words[2]} in
    chat) _arguments '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    conversations) _arguments '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    delete-account) _arguments '--yes[Do not ask again.]' '--force[Even if messages still wait in the outbox\: they are lost.]' '--password-stdin[Read the password from standard input, one line, instead of asking.]' '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    history) _arguments '-n[How many messages.]' '--before[Only older ones than that.]' '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    login) _arguments '--password-stdin[Read the password from standard input, one line, instead of asking.]' '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    logout) _arguments '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    password) _arguments '--password-stdin[Read the password from standard input, one line, instead of asking.]' '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    register) _arguments '--display-name[A name that others see beside the username.]' '--password-stdin[Read the password from standard input, one line, instead of asking.]' '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    send) _arguments '--timeout[Seconds to wait until the message is stored.]' '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    sessions) _arguments '--end[End the session of that device.]' '--end-others[End every session but this one.]' '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    tail) _arguments '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    unread) _arguments '--count[Only the number of all unread messages.]' '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    whoami) _arguments '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
  esac
}
_nightjar "$@"
