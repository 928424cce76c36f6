"""docker-compose.yml for real: built, started, used, stopped and started again."""
