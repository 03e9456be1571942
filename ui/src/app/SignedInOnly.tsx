import { Button, Center, Paper, Text, Title } from "@mantine/core";
import { useEffect, type ReactNode } from "react";

import { useSignedIn } from "@/app/api/getMe";
import { ProblemError } from "@/shared/api/problem";
import { SessionContext } from "@/shared/session/session";
import { isMemoryOpen, onOtherUser } from "@/shared/state/memory";
import { Failure, Waiting } from "@/shared/ui/Notes";

/** Shows what is below it to a signed-in user, and the way to sign in to anybody else. */
export function SignedInOnly({ children }: { children: ReactNode }) {
  const me = useSignedIn();
  useEffect(() => onOtherUser((isOther) => (isOther ? window.location.replace("/") : window.location.reload())), []);
  if (me.error instanceof ProblemError && me.error.status === 401) return <SignIn />;
  if (me.data) return <SessionContext value={me.data}>{children}</SessionContext>;
  return (
    <main className="page" data-idle={me.isFetching ? undefined : ""}>
      {me.error ? <Failure error={me.error} onRetry={() => void me.refetch()} /> : <Waiting what="your session" />}
    </main>
  );
}

function SignIn() {
  // Filters stand in the address. Where a session has just ended, they are the last user's: who signs in next gets their own back.
  const search = isMemoryOpen() ? "" : window.location.search;
  return (
    <Center component="main" mih="100vh" data-idle="">
      <Paper withBorder shadow="sm" p="xl" w={360}>
        <Title order={1} size="h2" mb="xs">
          Rebalancer
        </Title>
        <Text mb="lg">Sign in to review accounts, proposals and orders.</Text>
        <Button component="a" href={`/auth/login?return_to=${encodeURIComponent(window.location.pathname + search)}`} fullWidth>
          Sign in
        </Button>
      </Paper>
    </Center>
  );
}
