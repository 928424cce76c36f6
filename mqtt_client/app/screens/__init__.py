"""The screens: the chat, the login, and what opens over them."""
