import { Notifications } from "@mantine/notifications";
import { useIsFetching, useIsMutating } from "@tanstack/react-query";
import { Outlet } from "@tanstack/react-router";

import { Header } from "@/app/Header";
import { useKeptFocus } from "@/shared/focus/keptFocus";
import { ConnectionBanner } from "@/shared/live/ConnectionBanner";
import { LiveProvider } from "@/shared/live/live";

/** Header and the page under it. data-idle says that nothing is being fetched or sent. */
export function Shell() {
  const busy = useIsFetching() + useIsMutating();
  useKeptFocus();
  return (
    <LiveProvider>
      <a className="skip-link" href="#main">
        Skip to content
      </a>
      {/* Not over the buttons of a dialog or the pages of a list. */}
      <Notifications position="bottom-left" />
      <Header />
      <ConnectionBanner />
      <main id="main" className="page" tabIndex={-1} data-idle={busy === 0 ? "" : undefined}>
        <Outlet />
      </main>
    </LiveProvider>
  );
}
