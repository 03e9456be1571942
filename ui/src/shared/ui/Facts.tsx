import type { ReactNode } from "react";

/** Facts as pairs of a name and a value. */
export function Facts({ label, items }: { label: string; items: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="facts" aria-label={label}>
      {items.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
