import { Notifications } from "@mantine/notifications";
import { useIsFetching, useIsMutating } from "@tanstack/react-query";
import { Outlet } from "@tanstack/react-router";

import { useState } from "react";

import { Header } from "@/app/Header";
import { KeysDialog } from "@/app/keys/KeysDialog";
import { Palette } from "@/app/keys/Palette";
import { useKeptFocus } from "@/shared/focus/keptFocus";
import { useKeys } from "@/shared/keys/useKeys";
import { ConnectionBanner } from "@/shared/live/ConnectionBanner";
import { LiveProvider } from "@/shared/live/live";

/** Header and the page under it. data-idle says that nothing is being fetched or sent. */
export function Shell() {
  const busy = useIsFetching() + useIsMutating();
  const [isFinding, setFinding] = useState(false);
  const [isShowingKeys, setShowingKeys] = useState(false);
  const find = () => setFinding(true);
  const help = () => setShowingKeys(true);
  useKeptFocus();
  useKeys({ find, help });
  return (
    <LiveProvider>
      <a className="skip-link" href="#main">
        Skip to content
      </a>
      {/* Not over the buttons of a dialog or the pages of a list. */}
      <Notifications position="bottom-left" />
      <Header onFind={find} onKeys={help} />
      <ConnectionBanner />
      <main id="main" className="page" tabIndex={-1} data-idle={busy === 0 ? "" : undefined}>
        <Outlet />
      </main>
      {isFinding && <Palette onKeys={help} onClose={() => setFinding(false)} />}
      {isShowingKeys && <KeysDialog onClose={() => setShowingKeys(false)} />}
    </LiveProvider>
  );
}
