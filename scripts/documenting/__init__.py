"""The man page and the completions, made from the definitions of the commands."""
