import { Tabs } from "@mantine/core";
import type { ReactNode } from "react";

import type { Tab } from "@/shared/state/search";

interface Props {
  /** undefined: the accounts. */
  tab: Tab | undefined;
  onTab: (tab: Tab | undefined) => void;
  trades: ReactNode;
  children: ReactNode;
}

/** A request by account, or by security over its accounts; the address says which. */
export function RequestTabs({ tab, onTab, trades, children }: Props) {
  return (
    <Tabs value={tab ?? "accounts"} onChange={(chosen) => onTab(chosen === "trades" ? "trades" : undefined)} keepMounted={false}>
      <Tabs.List aria-label="What of the request is shown" mb="sm">
        <Tabs.Tab value="accounts">Accounts</Tabs.Tab>
        <Tabs.Tab value="trades">Trades by security</Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="accounts">{children}</Tabs.Panel>
      <Tabs.Panel value="trades">{trades}</Tabs.Panel>
    </Tabs>
  );
}
