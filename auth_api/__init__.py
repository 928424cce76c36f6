"""The REST service: accounts, sessions, MQTT credentials, history (contract, sections 1, 5, 6 and 7)."""
