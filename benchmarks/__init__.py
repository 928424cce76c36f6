"""How fast Nightjar is, each figure beside its ceiling measured in the same run: `benchmarks/run`."""
