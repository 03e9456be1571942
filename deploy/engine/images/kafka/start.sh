#!/bin/bash
# Kafka's own wrapper turns KAFKA_* into server.properties and formats the storage; storage that is formatted stays as it is.
set -euo pipefail
export CLUSTER_ID=${CLUSTER_ID:-5L6g3nShT-eMCtK--X86sw}
if ! output=$(java -cp '/opt/kafka/libs/*' kafka.docker.KafkaDockerWrapper setup \
  --default-configs-dir /etc/kafka/docker --mounted-configs-dir /mnt/shared/config --final-configs-dir /opt/kafka/config 2>&1); then
  if ! grep -qi "already formatted" <<<"$output"; then
    echo "$output"
    exit 1
  fi
fi
# shellcheck disable=SC2086  # several options in one variable
exec java ${KAFKA_HEAP_OPTS:--Xms1G -Xmx1G} -Dlog4j2.configurationFile=/opt/kafka/log4j2.properties \
  -cp '/opt/kafka/libs/*' kafka.Kafka /opt/kafka/config/server.properties
