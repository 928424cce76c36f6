"""Load: senders and receivers in processes of their own, so that they are not what is measured."""
