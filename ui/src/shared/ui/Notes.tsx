import { Alert, Button, Center, Loader, Stack, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconAlertTriangle } from "@tabler/icons-react";
import type { ReactNode } from "react";

import { explain } from "@/shared/api/problem";

/** What failed, what to do, and the way to try again. */
export function Failure({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { title, detail } = explain(error);
  return (
    <Alert color="red" title={title} icon={<IconAlertTriangle aria-hidden />} role="alert" mb="md">
      {detail}
      {onRetry && (
        <Button mt="sm" size="compact-sm" variant="default" display="block" onClick={onRetry}>
          Try again
        </Button>
      )}
    </Alert>
  );
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
  notifications.show({ color: "red", title, message: detail, autoClose: 10_000 });
}

export function tell(title: string, message: ReactNode): void {
  notifications.show({ title, message, autoClose: 8000 });
}
