import { Alert, Button, Center, Loader, Stack, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconAlertTriangle } from "@tabler/icons-react";
import type { ReactNode } from "react";

import { explain, explainCommand, ProblemError } from "@/shared/api/problem";

interface FailureProps {
  error: unknown;
  /** Of a command: what may have happened all the same when no answer came, as a sentence. */
  perhaps?: string;
  onRetry?: () => void;
}

/** What failed, what to do, and the way to try again. */
export function Failure({ error, perhaps, onRetry }: FailureProps) {
  const { title, detail } = perhaps === undefined ? explain(error) : explainCommand(error, perhaps);
  return (
    <Alert color="red" title={title} icon={<IconAlertTriangle aria-hidden />} role="alert" mb="md">
      {detail}
      {error instanceof ProblemError && error.status === 401 && (
        <Button mt="sm" size="compact-sm" display="block" w="fit-content" component="a" href={signInAddress()}>
          Sign in
        </Button>
      )}
      {onRetry && (
        <Button mt="sm" size="compact-sm" variant="default" display="block" onClick={onRetry}>
          Try again
        </Button>
      )}
    </Alert>
  );
}

/** Where signing in begins; it leads back to this page. */
function signInAddress(): string {
  return `/auth/login?return_to=${encodeURIComponent(window.location.pathname + window.location.search)}`;
}

/** A page that cannot show what it is for. */
export function FailedPage({ title, error, onRetry }: { title: string; error: unknown; onRetry: () => void }) {
  return (
    <>
      <Title order={1} mb="md">
        {title}
      </Title>
      <Failure error={error} onRetry={onRetry} />
    </>
  );
}

/** A page whose content is on its way. */
export function WaitingPage({ title, what }: { title: string; what: string }) {
  return (
    <>
      <Title order={1} mb="md">
        {title}
      </Title>
      <Waiting what={what} />
    </>
  );
}

export function Waiting({ what }: { what: string }) {
  return (
    <Center py="xl" role="status">
      <Stack align="center" gap="xs">
        <Loader size="sm" aria-hidden />
        <Text c="dimmed">Loading {what}</Text>
      </Stack>
    </Center>
  );
}

/** A failure of a command, where the user is looking. */
export function tellFailure(error: unknown): void {
  const { title, detail } = explain(error);
  const message = error instanceof ProblemError && error.status === 401 ? <>{detail} <a href={signInAddress()}>Sign in</a></> : detail;
  notifications.show({ color: "red", title, message, autoClose: 10_000 });
}

const UNANSWERED = "unanswered";

/** A failure of a command. One that may have been carried out stays until it is dismissed or a command is answered. */
export function tellCommandFailure(error: unknown, perhaps: string): void {
  if (!(error instanceof ProblemError && error.unanswered)) {
    tellFailure(error);
    return;
  }
  const { title, detail } = explainCommand(error, perhaps);
  notifications.hide(UNANSWERED);
  notifications.show({ id: UNANSWERED, color: "red", title, message: detail, autoClose: false });
}

export function forgetUnanswered(): void {
  notifications.hide(UNANSWERED);
}

export function tell(title: string, message: ReactNode): void {
  notifications.show({ title, message, autoClose: 8000 });
}
