"""The whole of Nightjar on one machine, without containers: what `scripts/up` and the tests run."""
