import { ActionIcon, Button, Checkbox, Drawer, Group, Stack, Text, Tooltip } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconChevronDown, IconChevronUp, IconSettings } from "@tabler/icons-react";

import { initialLayout, moved, toggled, type Column, type Layout } from "@/shared/grid/columns";

interface Props {
  columns: readonly Pick<Column<never>, "id" | "header" | "fixed" | "isExtra">[];
  layout: Layout;
  onChange: (layout: Layout) => void;
}

/** The gear: show, hide and move columns; every move has a button. */
export function ColumnsDrawer({ columns, layout, onChange }: Props) {
  const [isOpen, drawer] = useDisclosure(false);
  const fixed = columns.filter((column) => column.fixed).length;
  return (
    <>
      <Tooltip label="Columns">
        <ActionIcon variant="default" size="lg" aria-label="Columns" onClick={drawer.open}>
          <IconSettings size={18} aria-hidden />
        </ActionIcon>
      </Tooltip>
      <Drawer opened={isOpen} onClose={drawer.close} title="Columns" position="right" size="sm">
        <Stack gap={2} component="ul" className="plain-list">
          {layout.order.map((id, at) => {
            const column = columns.find((candidate) => candidate.id === id);
            if (!column) return null;
            return (
              <Group key={id} component="li" justify="space-between" wrap="nowrap">
                <Checkbox
                  label={column.header}
                  checked={!layout.hidden.includes(id)}
                  disabled={column.fixed}
                  onChange={() => onChange(toggled(layout, id))}
                />
                {column.fixed ? (
                  <Text size="xs" c="dimmed">
                    Fixed
                  </Text>
                ) : (
                  <Group gap={2} wrap="nowrap">
                    <ActionIcon variant="subtle" aria-label={`Move ${column.header} up`} disabled={at <= fixed} onClick={() => onChange(moved(layout, id, -1, fixed))}>
                      <IconChevronUp size={16} aria-hidden />
                    </ActionIcon>
                    <ActionIcon
                      variant="subtle"
                      aria-label={`Move ${column.header} down`}
                      disabled={at === layout.order.length - 1}
                      onClick={() => onChange(moved(layout, id, 1, fixed))}
                    >
                      <IconChevronDown size={16} aria-hidden />
                    </ActionIcon>
                  </Group>
                )}
              </Group>
            );
          })}
        </Stack>
        <Text size="sm" c="dimmed" mt="md">
          The layout stays until you sign out or close this tab.
        </Text>
        <Button mt="sm" variant="default" onClick={() => onChange(initialLayout(columns))}>
          Reset layout
        </Button>
      </Drawer>
    </>
  );
}
