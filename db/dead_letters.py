"""How the details of dead letters begin that are no fault of their sender's: the archive may still owe them a place."""

from typing import Final

OWN_ERROR: Final = "our own error"
UNREADABLE: Final = "it cannot be read"
DATABASE_REFUSES: Final = "the database refuses it"
OUR_FAULTS: Final = (OWN_ERROR, UNREADABLE, DATABASE_REFUSES)
