import { Button, Group, Modal } from "@mantine/core";
import type { ReactNode } from "react";

interface Props {
  title: string;
  children: ReactNode;
  confirm: string;
  safe?: string;
  isDanger?: boolean;
  isBusy?: boolean;
  isBarred?: boolean;
  /** A third way beside the two. */
  other?: { label: string; onClick: () => void };
  onConfirm: () => void;
  onClose: () => void;
}

/** Ask before something that matters. The safe button has the focus. */
export function Confirm({ title, children, confirm, safe = "Go back", isDanger = false, isBusy = false, isBarred = false, other, onConfirm, onClose }: Props) {
  return (
    <Modal opened onClose={onClose} title={title} centered>
      {children}
      <Group justify="flex-end" mt="lg">
        <Button variant="default" data-autofocus onClick={onClose}>
          {safe}
        </Button>
        {other && (
          <Button variant="light" disabled={isBusy} onClick={other.onClick}>
            {other.label}
          </Button>
        )}
        <Button color={isDanger ? "red" : undefined} loading={isBusy} disabled={isBarred} onClick={onConfirm}>
          {confirm}
        </Button>
      </Group>
    </Modal>
  );
}
