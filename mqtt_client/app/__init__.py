"""The full-screen app: a local copy of the conversations, kept true off the screen's task, and what shows it."""
