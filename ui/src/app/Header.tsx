import { ActionIcon, Button, Group, Tooltip, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { IconMoon, IconScale, IconSun } from "@tabler/icons-react";
import { Link, type LinkProps } from "@tanstack/react-router";

import { signOut } from "@/app/api/signOut";
import { useBatches } from "@/features/batches/api/listBatches";
import { useTiles } from "@/features/queue/api/countTiles";
import { count } from "@/shared/format/format";
import { useMe } from "@/shared/session/session";
import { forgetLayouts } from "@/shared/state/memory";
import { tellFailure } from "@/shared/ui/Notes";

const EVERYTHING = { tiles: [], f: [], q: "" };

/** Tabs with their counts, and the user. */
export function Header() {
  const me = useMe();
  const toRebalance = useTiles(EVERYTHING).data?.total;
  const pending = useBatches("open").data?.total;
  return (
    <header className="top-bar">
      <span className="brand">
        <IconScale size={20} aria-hidden /> Rebalancer
      </span>
      <nav aria-label="Main" className="tabs">
        <Tab to="/accounts" count={toRebalance}>
          Accounts to Rebalance
        </Tab>
        <Tab to="/pending" count={pending}>
          Pending Approval
        </Tab>
        <Tab to="/history">History</Tab>
        <Tab to="/files">Files</Tab>
      </nav>
      <Group gap="xs" className="user">
        <SchemeSwitch />
        <span title={me.roles.join(", ")}>{me.name}</span>
        <Button size="compact-sm" variant="default" onClick={() => void leave(me.csrf)}>
          Sign out
        </Button>
      </Group>
    </header>
  );
}

function Tab({ to, count: number, children }: { to: LinkProps["to"]; count?: number; children: string }) {
  return (
    <Link to={to} className="tab">
      {children}
      {number !== undefined && number > 0 && <span className="tab-count">{count(number)}</span>}
    </Link>
  );
}

function SchemeSwitch() {
  const { setColorScheme } = useMantineColorScheme();
  const isDark = useComputedColorScheme("light") === "dark";
  const label = isDark ? "Light colours" : "Dark colours";
  return (
    <Tooltip label={label}>
      <ActionIcon variant="default" size="md" aria-label={label} onClick={() => setColorScheme(isDark ? "light" : "dark")}>
        {isDark ? <IconSun size={16} aria-hidden /> : <IconMoon size={16} aria-hidden />}
      </ActionIcon>
    </Tooltip>
  );
}

/** End the session; layouts go with it, filters stay for the next one. */
async function leave(csrf: string) {
  try {
    const next = await signOut(csrf);
    forgetLayouts();
    window.location.assign(next);
  } catch (error) {
    tellFailure(error);
  }
}
