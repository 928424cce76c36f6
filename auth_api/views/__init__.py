"""Views, one module per resource: parse, call, answer."""
