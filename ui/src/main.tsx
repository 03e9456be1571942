import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "@/app/styles.css";

import { MantineProvider } from "@mantine/core";
import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { buildRouter } from "@/app/router";
import { SignedInOnly } from "@/app/SignedInOnly";
import { cssVariables, theme } from "@/app/theme";
import { keys } from "@/shared/api/keys";
import { isWorthRetrying, ProblemError, retryDelayMs } from "@/shared/api/problem";

const client = new QueryClient({
  queryCache: new QueryCache({
    // The session ended meanwhile: ask who this is, which leads to the sign-in page.
    onError: (error, query) => {
      if (error instanceof ProblemError && error.status === 401 && query.queryKey[0] !== keys.me[0]) void client.resetQueries({ queryKey: keys.me });
    },
  }),
  defaultOptions: {
    queries: {
      networkMode: "always", // what the browser believes of the network is not asked: a failure is shown as one
      staleTime: 2000,
      retry: (failures, error) => failures < 2 && isWorthRetrying(error),
      retryDelay: retryDelayMs,
    },
  },
});

const root = document.getElementById("root");
if (!root) throw new Error("index.html lacks #root");
const router = buildRouter();
createRoot(root).render(
  <StrictMode>
    <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
      <QueryClientProvider client={client}>
        <SignedInOnly>
          <RouterProvider router={router} />
        </SignedInOnly>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
