"""The command line client: accounts, sending, history and live messages (contract, section 8)."""
