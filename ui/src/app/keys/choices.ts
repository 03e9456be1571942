/** What Ctrl K offers under a text: accounts, open requests, pages, and what the present page can do. */
import { useDebouncedValue } from "@mantine/hooks";
import { useNavigate } from "@tanstack/react-router";

import { useBatches } from "@/features/batches/api/listBatches";
import { useFound } from "@/features/queue/find/api/findAccounts";
import { LISTS, whereabouts } from "@/features/queue/find/whereabouts";
import { statusNames } from "@/shared/format/names";
import { pageActions } from "@/shared/keys/actions";
import { KEYS } from "@/shared/keys/keys";

export interface Choice {
  id: string;
  label: string;
  /** Said beside it: where an account is, the key of an action, or why it cannot be done now. */
  note: string;
  isBarred: boolean;
  run: () => void;
}

export interface ChoiceGroup {
  name: string;
  choices: readonly Choice[];
}

const ACCOUNTS = 8;
const WAIT_MS = 150;
const SHORTEST = 2;

const PAGES = [
  { label: "Accounts to Rebalance", to: "/accounts" },
  { label: "Pending Approval", to: "/pending" },
  { label: "History", to: "/history" },
  { label: "Files", to: "/files" },
] as const;

interface Choices {
  groups: readonly ChoiceGroup[];
  /** Whether accounts of this text are still being looked for. */
  isLooking: boolean;
  error: Error | null;
}

/** The choices that fit a text, group by group. onKeys: show the keys. */
export function useChoices(text: string, onKeys: () => void): Choices {
  const navigate = useNavigate();
  const q = text.trim();
  const [asked] = useDebouncedValue(q, WAIT_MS);
  const isWanted = asked.length >= SHORTEST;
  const found = useFound({ q: asked, page: 1, size: ACCOUNTS }, isWanted);
  const requests = useBatches("open").data?.rows ?? [];
  const choice = (id: string, label: string, note: string, run: () => void, isBarred = false): Choice => ({ id, label, note, run, isBarred });

  const own = isWanted && asked === q && found.data?.find.q === q ? found.data : null;
  const accounts = (own?.rows ?? []).map((row) =>
    choice(`account-${row.account_id}`, `${row.account_number} ${row.name}`, whereabouts(row), () => void navigate({ to: "/accounts/$accountId", params: { accountId: row.account_id } })),
  );
  if (own && own.total > accounts.length) accounts.push(choice("account-all", `All accounts that match "${q}"`, "", () => void navigate({ to: "/find", search: { q } })));
  const open = requests.map((batch) =>
    choice(`request-${batch.batch_id}`, `Request ${batch.batch_id}${batch.label ? `: ${batch.label}` : ""}`, statusNames[batch.status], () => void navigate({ to: "/pending/$batchId", params: { batchId: String(batch.batch_id) } })),
  );
  const pages = [
    ...PAGES.map(({ label, to }) => choice(`page-${label}`, label, "", () => void navigate({ to }))),
    ...LISTS.map(({ state, name }) => choice(`page-${name}`, state === undefined ? "All accounts" : `Accounts: ${name.toLowerCase()}`, "", () => void navigate({ to: "/find", search: { state } }))),
  ];
  const actions = [
    ...pageActions().map(({ label, by, barred, run }) => choice(`action-${label}`, label, barred ?? (by ? `Key ${KEYS[by].keys[0].toUpperCase()}` : ""), run, barred !== null)),
    choice("action-keys", "Show the keys", "Key ?", onKeys),
  ];
  const fit = (choices: readonly Choice[]) => choices.filter(({ label }) => q.toLowerCase().split(/\s+/).every((word) => label.toLowerCase().includes(word)));
  const groups = [
    { name: "On this page", choices: fit(actions) },
    { name: "Accounts", choices: accounts },
    { name: "Open requests", choices: fit(open).slice(0, ACCOUNTS) },
    { name: "Pages", choices: fit(pages) },
  ].filter(({ choices }) => choices.length > 0);
  return { groups, isLooking: q.length >= SHORTEST && !own && !found.error, error: isWanted ? found.error : null };
}
