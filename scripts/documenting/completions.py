"""Completions for bash, zsh and fish: commands and their options, without starting the program at every Tab."""

import click

COMPLETIONS = ("bash", "zsh", "fish")


def completion(shell: str, group: click.Group) -> str:
    """Write the completion for a shell."""
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](group)


def _commands(group: click.Group) -> dict[str, click.Command]:
    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}


def _options(command: click.Command) -> list[tuple[str, str]]:
    """List (option, what it does); long names only, but for those that have none."""
    parameters = command.get_params(click.Context(command))
    options = [each for each in parameters if isinstance(each, click.Option)]
    return [(max(option.opts, key=len), option.help or "") for option in options]


def _below(command: click.Command) -> dict[str, click.Command]:
    """Name the commands of a command that has some of its own."""
    return _commands(command) if isinstance(command, click.Group) else {}


def _all_options(command: click.Command) -> list[tuple[str, str]]:
    """List a command's options, and those of the commands below it; each once."""
    found = dict(_options(command))
    for below in _below(command).values():
        found = {**dict(_options(below)), **found}
    return list(found.items())


def _short(command: click.Command) -> str:
    return command.get_short_help_str(limit=200).rstrip(".")


def _bash(group: click.Group) -> str:
    commands = _commands(group)
    cases = [
        f'    {name}) words="{" ".join(option for option, _ in _all_options(command))}" ;;'
        for name, command in commands.items()
    ]
    cases += [
        f'    {name}:) words="{" ".join(_below(command))}" && command="" ;;'
        for name, command in commands.items()
        if _below(command)
    ]
    general = " ".join([*commands, *(option for option, _ in _options(group))])
    return "\n".join(
        [
            "# shellcheck shell=bash",
            "# Completion of nightjar for bash. Made by scripts/document. Source it, or put it into",
            "# ~/.local/share/bash-completion/completions/nightjar",
            "_nightjar() {",
            '  local word=${COMP_WORDS[COMP_CWORD]} command="" each last words',
            '  for each in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
            f"    case $each in {'|'.join(commands)}) command=$each && break ;; esac",
            "  done",
            "  last=${COMP_WORDS[COMP_CWORD-1]}",
            '  case $command$([[ $last == "$command" && $word != -* ]] && printf :) in',
            *cases,
            '    *:) words="" ;;',
            f'    *) words="{general}" ;;',
            "  esac",
            '  [[ -z $command || $word == -* ]] || words=""',
            '  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")',
            "}",
            "complete -F _nightjar nightjar",
            "",
        ]
    )


def _zsh(group: click.Group) -> str:
    commands = _commands(group)
    listed = [f"    {_zsh_quoted(f'{name}:{_short(command)}')}" for name, command in commands.items()]
    cases = []
    for name, command in commands.items():
        options = " ".join(_zsh_quoted(f"{option}[{help_}]") for option, help_ in _all_options(command))
        first = f"'2:command:({' '.join(_below(command))})' " if _below(command) else ""
        cases.append(f"    {name}) _arguments {options} {first}'*: :' ;;")
    return "\n".join(
        [
            "#compdef nightjar",
            "# Completion of nightjar for zsh. Made by scripts/document. Put it into $fpath as _nightjar.",
            "_nightjar() {",
            "  local -a commands",
            "  commands=(",
            *listed,
            "  )",
            "  if (( CURRENT == 2 )); then",
            "    _describe command commands",
            "    return",
            "  fi",
            "  case ${words[2]} in",
            *cases,
            "  esac",
            "}",
            '_nightjar "$@"',
            "",
        ]
    )


def _fish(group: click.Group) -> str:
    lines = [
        "# Completion of nightjar for fish. Made by scripts/document. Put it into ~/.config/fish/completions/",
        "complete -c nightjar -f",
    ]
    for name, command in _commands(group).items():
        lines.append(f"complete -c nightjar -n __fish_use_subcommand -a {name} -d {_fish_quoted(_short(command))}")
        if _below(command):
            within = f"'__fish_seen_subcommand_from {name}'"
            lines += [
                f"complete -c nightjar -n {within} -a {below} -d {_fish_quoted(_short(each))}"
                for below, each in _below(command).items()
            ]
        for option, help_ in _all_options(command):
            flag = f"-l {option[2:]}" if option.startswith("--") else f"-s {option[1:]}"
            seen = f"'__fish_seen_subcommand_from {name}'"
            lines.append(f"complete -c nightjar -n {seen} {flag} -d {_fish_quoted(help_)}")
    return "\n".join([*lines, ""])


def _zsh_quoted(text: str) -> str:
    name, separator, rest = text.partition("[")
    inside = rest.removesuffix("]").replace("[", "\\[").replace("]", "\\]").replace(":", "\\:") if separator else ""
    whole = f"{name}[{inside}]" if separator else text
    return "'" + whole.replace("'", "'\\''") + "'"


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
