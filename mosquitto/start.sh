#!/bin/bash
# Starts the broker in its container, with the settings of the environment after those of mosquitto.conf.
set -eu
ulimit -n "$(ulimit -Hn)"

# number NAME VALUE writes a number of at least 1000, as scripts/up demands too: 0 would mean no limit.
number() {
  [[ $2 =~ ^[1-9][0-9]{3,14}$ ]] || {
    echo "$1: must be a number of at least 1000" >&2
    exit 2
  }
  echo "$2"
}

messages=$(number NIGHTJAR_BROKER_QUEUE_MESSAGES "${NIGHTJAR_BROKER_QUEUE_MESSAGES:-100000}")
bytes=$(number NIGHTJAR_BROKER_QUEUE_BYTES "${NIGHTJAR_BROKER_QUEUE_BYTES:-536870912}")
{
  cat mosquitto.conf
  echo "max_queued_messages $messages"
  echo "max_queued_bytes $bytes"
} > /tmp/mosquitto.conf
exec mosquitto -c /tmp/mosquitto.conf
