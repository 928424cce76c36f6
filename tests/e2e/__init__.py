"""The whole system through its public interfaces only, at any address: NIGHTJAR_E2E_SERVER, or a stack of its own."""
