"""The wire contract (docs/protocol.md) as code: what all programs agree on, and no input or output."""
