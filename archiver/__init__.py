"""The archiver: reads messages from the broker, stores them in Postgres, and acknowledges after the commit."""
