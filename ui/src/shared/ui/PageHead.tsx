import { Group, Title } from "@mantine/core";
import { useEffect, type ReactNode } from "react";

interface Props {
  title: string;
  /** Beside the title: state, how the page is kept up to date. */
  aside?: ReactNode;
  /** Under the title. */
  note?: ReactNode;
  children?: ReactNode;
}

/** Title of a page, and what can be done on it. */
export function PageHead({ title, aside, note, children }: Props) {
  useEffect(() => {
    document.title = `${title} - Rebalancer`;
  }, [title]);
  return (
    <Group justify="space-between" align="flex-start" mb="md" className="page-head">
      <div>
        <Group gap="sm">
          <Title order={1}>{title}</Title>
          {aside}
        </Group>
        {note && <div className="page-note">{note}</div>}
      </div>
      <Group gap="xs">{children}</Group>
    </Group>
  );
}
