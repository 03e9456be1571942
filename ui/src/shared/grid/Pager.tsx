import { ActionIcon, Group, NativeSelect, Text } from "@mantine/core";
import { IconChevronLeft, IconChevronRight, IconChevronsLeft, IconChevronsRight } from "@tabler/icons-react";

import { count } from "@/shared/format/format";
import { SIZES } from "@/shared/state/search";

interface Props {
  page: number;
  size: number;
  total: number;
  /** Said beside the rows: why this page is another than the one that was asked for. */
  note?: string | null;
  onPage: (page: number) => void;
  onSize: (size: number) => void;
}

/** Which rows these are, and the way to others. A button without a page to go to keeps its focus. */
export function Pager({ page, size, total, note, onPage, onSize }: Props) {
  const pages = Math.max(1, Math.ceil(total / size));
  const first = Math.min((page - 1) * size + 1, total);
  const last = Math.min(page * size, total);
  const button = (label: string, to: number, icon: React.ReactNode) => {
    const isBarred = to < 1 || to > pages || to === page;
    return (
      <ActionIcon variant="default" aria-label={label} aria-disabled={isBarred} data-disabled={isBarred || undefined} onClick={() => !isBarred && onPage(to)}>
        {icon}
      </ActionIcon>
    );
  };
  return (
    <Group component="nav" aria-label="Pages" justify="space-between" className="pager">
      <Text size="sm" c="dimmed" role="status">
        {total === 0 ? "No rows" : `${count(first)} to ${count(last)} of ${count(total)}`}
        {note && ` · ${note}`}
      </Text>
      <Group gap={6}>
        <NativeSelect aria-label="Rows on a page" size="xs" value={String(size)} data={SIZES.map(String)} onChange={(event) => onSize(Number(event.currentTarget.value))} />
        {button("First page", 1, <IconChevronsLeft size={16} aria-hidden />)}
        {button("Previous page", page - 1, <IconChevronLeft size={16} aria-hidden />)}
        <Text size="sm" aria-current="page">
          Page {count(page)} of {count(pages)}
        </Text>
        {button("Next page", page + 1, <IconChevronRight size={16} aria-hidden />)}
        {button("Last page", pages, <IconChevronsRight size={16} aria-hidden />)}
      </Group>
    </Group>
  );
}
