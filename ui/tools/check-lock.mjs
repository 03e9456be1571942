// Fails when the lock file names where packages came from, or lacks an optional package that it lists:
// npm writes such a file without a word, and the next `npm ci` refuses it.
import { readFileSync } from "node:fs";

const lock = JSON.parse(readFileSync(new URL("../package-lock.json", import.meta.url), "utf8"));
const held = new Set(Object.keys(lock.packages).map((path) => path.replace(/^.*node_modules\//, "")));
const faults = [];
for (const [path, entry] of Object.entries(lock.packages)) {
  if (entry.resolved) faults.push(`names its origin: ${path} (is .npmrc with omit-lockfile-registry-resolved in place?)`);
  for (const name of Object.keys(entry.optionalDependencies ?? {})) {
    if (!held.has(name)) faults.push(`missing optional package: ${name} (of ${path})`);
  }
}
if (faults.length > 0) {
  console.error(`package-lock.json:\n  ${faults.join("\n  ")}`);
  process.exit(1);
}
console.log(`package-lock.json: ${held.size} packages, nothing missing`);
