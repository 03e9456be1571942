// A subscriber of the rebalancer's public events that acts on each of them once, also when it is killed at any moment.
//
// `npm start` reads from the beginning and goes on until it is stopped.  Environment: JOURNAL (a file), TOPIC_PREFIX (for
// tests); addresses, users and TLS are in connection.ts.
//
// Delivery is at least once.  So the event's identity is kept with the effect: both are one line of a journal, which is
// on disk before Kafka's offset is committed.  A crash in between brings the event again, and it is passed over.
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, truncateSync, writeSync } from "node:fs";
import { consumerOfEnvironment } from "./connection.js";

// Full state: of several versions the newest holds.
const STATES = ["rebalancer.account-flag.v1", "rebalancer.account-state.v1", "rebalancer.batch.v1"];
const FACTS = ["rebalancer.orders.v1", "rebalancer.analysis.v1", "rebalancer.file.v1"]; // each is acted on
const path = process.env.JOURNAL ?? "effects.jsonl";

interface Effect {
  source: string;
  id: string;
  type: string;
  key: string;
  version: number;
  value: unknown;
}

const seen = new Set<string>();
const newest = new Map<string, Effect>();

function remember(effect: Effect): void {
  seen.add(`${effect.source} ${effect.id}`);
  if (STATES.includes(effect.type)) newest.set(`${effect.type} ${effect.key}`, effect);
}

if (existsSync(path)) {
  const stored = readFileSync(path);
  const kept = stored.subarray(0, stored.lastIndexOf("\n") + 1);
  truncateSync(path, kept.length); // a line without its end was cut off by a crash: its event comes again
  for (const line of kept.toString().split("\n").filter(Boolean)) remember(JSON.parse(line) as Effect);
}
const journal = openSync(path, "a");

function act(effect: Effect): string {
  const name = `${effect.type} ${effect.key}`;
  if (seen.has(`${effect.source} ${effect.id}`)) return `passed over ${name}: a duplicate`;
  const kept = newest.get(name); // versions count within one source: a new one begins anew, behind all events of the former one
  if (kept?.source === effect.source && effect.version <= kept.version) return `passed over ${name}: older than what is kept`;
  writeSync(journal, JSON.stringify(effect) + "\n"); // here stands what you do: the line is the effect
  fsyncSync(journal);
  remember(effect);
  return `acted on ${name}: ${JSON.stringify(effect.value)}`;
}

const consumer = consumerOfEnvironment();
await consumer.connect();
await consumer.subscribe({ topics: [...STATES, ...FACTS].map((topic) => (process.env.TOPIC_PREFIX ?? "") + topic), fromBeginning: true });
await consumer.run({
  eachMessage: async ({ message }) => {
    const { ce_source, ce_id, ce_type } = message.headers ?? {};
    const value = JSON.parse(String(message.value)) as { version: number };
    console.log(act({ source: String(ce_source), id: String(ce_id), type: String(ce_type), key: String(message.key), version: value.version, value }));
  },
});
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void consumer.disconnect().then(() => closeSync(journal)));
}
