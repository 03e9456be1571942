// How the example subscriber reaches the broker.
//
// Environment: KAFKA_URL (host:port), GROUP; where the broker wants users, KAFKA_CA_FILE (who signed its certificate),
// KAFKA_USER and KAFKA_PASSWORD.
import { readFileSync } from "node:fs";
import { Kafka, logLevel, type Consumer } from "kafkajs";

export function consumerOfEnvironment(): Consumer {
  const { KAFKA_USER: username, KAFKA_PASSWORD: password = "", KAFKA_CA_FILE: authority = "" } = process.env;
  const security = username // as a user over TLS, or in the clear to a broker on this machine
    ? { ssl: { ca: [readFileSync(authority)] }, sasl: { mechanism: "scram-sha-512" as const, username, password } }
    : {};
  const kafka = new Kafka({ brokers: [process.env.KAFKA_URL ?? "127.0.0.1:9392"], logLevel: logLevel.ERROR, ...security });
  const groupId = process.env.GROUP ?? `${username ?? "example-subscriber"}.ts`;
  return kafka.consumer({ groupId, sessionTimeout: 6_000, heartbeatInterval: 2_000 });
}
