import { ActionIcon, Button, Group, Tooltip, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { IconMoon, IconScale, IconSun } from "@tabler/icons-react";
import { Link, type LinkProps } from "@tanstack/react-router";

import { useBatches } from "@/features/batches/queries";
import { useTiles } from "@/features/queue/queries";
import { parsed } from "@/shared/api/client";
import { problemFrom } from "@/shared/api/problem";
import { count } from "@/shared/format/format";
import { useMe } from "@/shared/session/session";
import { forgetAll } from "@/shared/state/memory";
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
        <Button size="compact-sm" variant="default" onClick={() => void signOut(me.csrf)}>
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

/** End the session here and at the server; layouts and filters of this tab go with it. */
async function signOut(csrf: string) {
  try {
    const response = await fetch("/auth/logout", { method: "POST", headers: { "X-CSRF-Token": csrf } });
    const body = parsed(await response.text());
    if (!response.ok && response.status !== 401) throw problemFrom(response.status, body);
    forgetAll();
    // The issuer has a session too; it says where that ends.
    window.location.assign(isPlace(body) ? body.location : "/");
  } catch (error) {
    tellFailure(error);
  }
}

function isPlace(body: unknown): body is { location: string } {
  return typeof body === "object" && body !== null && "location" in body && typeof body.location === "string";
}
