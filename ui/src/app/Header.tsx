import { ActionIcon, Button, Group, TextInput, Tooltip, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { IconCommand, IconKeyboard, IconMoon, IconScale, IconSun } from "@tabler/icons-react";
import { Link, useNavigate, type LinkProps } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";

import { signOut } from "@/app/api/signOut";
import { useBatches } from "@/features/batches/api/listBatches";
import { useTiles } from "@/features/queue/api/countTiles";
import { count } from "@/shared/format/format";
import { useMe } from "@/shared/session/session";
import { forgetLayouts } from "@/shared/state/memory";
import { tellFailure } from "@/shared/ui/Notes";

const EVERYTHING = { tiles: [], f: [], q: "" };

interface Props {
  onFind: () => void;
  onKeys: () => void;
}

/** Tabs with their counts, the search over all accounts, and the user. */
export function Header({ onFind, onKeys }: Props) {
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
        <FindBox />
        <HeaderIcon label="Find anything (Ctrl K)" onClick={onFind} icon={<IconCommand size={16} aria-hidden />} />
        <HeaderIcon label="Keys" onClick={onKeys} icon={<IconKeyboard size={16} aria-hidden />} />
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
  const icon = isDark ? <IconSun size={16} aria-hidden /> : <IconMoon size={16} aria-hidden />;
  return <HeaderIcon label={label} icon={icon} onClick={() => setColorScheme(isDark ? "light" : "dark")} />;
}

function HeaderIcon({ label, icon, onClick }: { label: string; icon: ReactNode; onClick: () => void }) {
  return (
    <Tooltip label={label}>
      <ActionIcon variant="default" size="md" aria-label={label} onClick={onClick}>
        {icon}
      </ActionIcon>
    </Tooltip>
  );
}

/** Finds accounts from every page; what is found is a list of its own. */
function FindBox() {
  const navigate = useNavigate();
  const [text, setText] = useState("");
  return (
    <form
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim() === "") return;
        setText("");
        void navigate({ to: "/find", search: { q: text.trim().slice(0, 80) } });
      }}
    >
      <TextInput type="search" size="xs" w={170} aria-label="Find accounts by number, name, advisor or household" placeholder="Find an account" value={text} onChange={(event) => setText(event.currentTarget.value)} />
    </form>
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
