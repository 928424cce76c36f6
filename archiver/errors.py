"""The archiver's errors: one root, and what the rest of the program has to tell apart."""


class ArchiverError(Exception):
    """Something the archiver cannot go on from; the message is one line for people."""


class SettingsError(ArchiverError):
    """A setting cannot be used; the message names the variable."""


class SideTaskError(ArchiverError):
    """A part of the archiver that must run as long as the process ended by itself."""


class OutageError(ArchiverError):
    """The database cannot be used at the moment; the same work can be tried again later."""


class UnstorableError(ArchiverError):
    """The database, or our own code, refuses something in this very batch; trying again would not help."""
