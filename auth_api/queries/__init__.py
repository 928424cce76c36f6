"""SQL, one module per resource. Nothing else in the service holds any."""
