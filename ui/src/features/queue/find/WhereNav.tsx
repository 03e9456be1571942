import { Link } from "@tanstack/react-router";

import { LISTS, type Whereabouts } from "@/features/queue/find/whereabouts";

interface Props {
  /** The list that is shown; ATTENTION: the accounts to rebalance. */
  shown: Whereabouts | "ATTENTION" | undefined;
  /** What is searched for, kept from list to list. */
  q?: string;
}

/** The way between the lists of accounts. */
export function WhereNav({ shown, q }: Props) {
  return (
    <nav aria-label="Lists of accounts" className="where">
      <Link to="/accounts" className="where-link" aria-current={shown === "ATTENTION" ? "page" : undefined}>
        Needs attention
      </Link>
      {LISTS.map(({ state, name }) => (
        <Link key={name} to="/find" search={{ state, q }} className="where-link" aria-current={shown === state ? "page" : undefined}>
          {name}
        </Link>
      ))}
    </nav>
  );
}
