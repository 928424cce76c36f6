"""The models that validate what comes in and describe it, and what goes out, in /openapi.json."""
