#compdef nightjar
# Completion of nightjar for zsh. Made by scripts/document. Put it into $fpath as _nightjar.
_nightjar() {
  local -a commands
  commands=(
    'block:Do not see what somebody writes from now on'
    'blocks:List whom you have blocked'
    'chat:Open the full-screen app, in the conversation WITH somebody or a group, or in the last one'
    'conversations:List your conversations, the newest first'
    'delete-account:Delete the account for good'
    'edit:Put another text into one of your messages'
    'export:Write everything that the server stores about you to standard output, one JSON object a line'
    'groups:Make groups, join and leave them, and say who is in them'
    'history:Show stored messages, oldest first'
    'login:Log in on this profile; a login that it had before is ended'
    'logout:End this profile'\''s session, here and at the server'
    'password:Change the password; every other session ends'
    'privacy:Show what this profile tells others of you, or change it for the commands that are started next'
    'react:React to a message with an emoji, or any short text'
    'read:Mark a conversation as read, up to its newest message or to SEQ'
    'register:Make an account and log in to it'
    'retract:Take one of your messages back: its text leaves the archive for good'
    'send:Send one message and wait until it is stored'
    'sessions:List your login sessions, one a device, or end some'
    'tail:Show messages as they arrive, until interrupted: first those since the last time'
    'unblock:See again what somebody writes from now on'
    'unread:List the conversations with unread messages, and how many each has'
    'versions:Show what a message has said, oldest first; nothing of one that was retracted'
    'whoami:Say who is logged in, where, and as which device'
    'whois:Show somebody'\''s profile, and whether they are there'
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  case ${words[2]} in
    block) _arguments '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    blocks) _arguments '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    chat) _arguments '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    conversations) _arguments '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    delete-account) _arguments '--yes[Do not ask again.]' '--force[Even if messages still wait in the outbox\: they are lost.]' '--password-stdin[Read the password from standard input, one line, instead of asking.]' '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    edit) _arguments '--timeout[Seconds to wait until it is stored.]' '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    export) _arguments '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    groups) _arguments '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '--open[Anybody may find it and join; otherwise one has to be added.]' '--yes[Do not ask again.]' '--member[Somebody to be in it; may be repeated.]' '--history[What a new member may read of the past; since_joining unless all is said.]' '--role[What they may do.]' '2:command:(add create delete join leave list remove rename role show)' '*: :' ;;
    history) _arguments '-n[How many messages.]' '--before[Only older ones than that.]' '--search[Only those that match.]' '--seqs[Show the seq of each, by which edit, retract and react name it.]' '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    login) _arguments '--password-stdin[Read the password from standard input, one line, instead of asking.]' '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    logout) _arguments '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    password) _arguments '--password-stdin[Read the password from standard input, one line, instead of asking.]' '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    privacy) _arguments '--markers[Tell others what was delivered and read.]' '--presence[Tell others whether you are there.]' '--typing[Tell others that you are typing.]' '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    react) _arguments '--remove[Take your reaction back.]' '--timeout[Seconds to wait until it is stored.]' '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    read) _arguments '--timeout[Seconds to wait until it is stored.]' '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    register) _arguments '--display-name[A name that others see beside the username.]' '--password-stdin[Read the password from standard input, one line, instead of asking.]' '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    retract) _arguments '--timeout[Seconds to wait until it is stored.]' '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    send) _arguments '--reply-to[The message of the conversation that this one answers.]' '--timeout[Seconds to wait until it is stored.]' '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    sessions) _arguments '--end[End the session of that device.]' '--end-others[End every session but this one.]' '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    tail) _arguments '--seqs[Show the seq of each message that has one yet.]' '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    unblock) _arguments '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    unread) _arguments '--count[Only the number of all unread messages.]' '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    versions) _arguments '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    whoami) _arguments '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
    whois) _arguments '--server[The REST server (NIGHTJAR_SERVER).]' '--profile[Whose login, store and settings (NIGHTJAR_PROFILE).]' '--json[Print one JSON object a line.]' '--help[Show this message and exit.]' '*: :' ;;
  esac
}
_nightjar "$@"
