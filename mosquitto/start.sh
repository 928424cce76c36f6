#!/bin/bash
# Starts the broker in its container, with the settings of the environment after those of mosquitto.conf.
set -eu
ulimit -n "$(ulimit -Hn)"
{
  cat mosquitto.conf
  echo "max_queued_messages ${NIGHTJAR_BROKER_QUEUE_MESSAGES:-100000}"
  echo "max_queued_bytes ${NIGHTJAR_BROKER_QUEUE_BYTES:-536870912}"
} > /tmp/mosquitto.conf
exec mosquitto -c /tmp/mosquitto.conf
