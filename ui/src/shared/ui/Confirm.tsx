import { Button, Group, Modal, Text } from "@mantine/core";
import type { ReactNode } from "react";

import type { ProblemError } from "@/shared/api/problem";
import { useLost } from "@/shared/live/useLost";
import { Failure } from "@/shared/ui/Notes";

interface Props {
  title: string;
  children: ReactNode;
  confirm: string;
  safe?: string;
  isDanger?: boolean;
  isBusy?: boolean;
  isBarred?: boolean;
  /** Why the server refused what was confirmed: said here, and what was typed stays. */
  refusal?: ProblemError | null;
  /** A third way beside the two. */
  other?: { label: string; onClick: () => void };
  onConfirm: () => void;
  onClose: () => void;
}

/** Ask before something that matters. The safe button has the focus. */
export function Confirm({ title, children, confirm, safe = "Go back", isDanger = false, isBusy = false, isBarred = false, refusal, other, onConfirm, onClose }: Props) {
  const lost = useLost();
  return (
    <Modal opened onClose={onClose} title={title} centered>
      {children}
      {lost && (
        <Text mt="sm" role="alert" fw={600}>
          {lost}
        </Text>
      )}
      {refusal && (
        <div className="refusal">
          <Failure error={refusal} />
        </div>
      )}
      <Group justify="flex-end" mt="lg">
        <Button variant="default" data-autofocus onClick={onClose}>
          {safe}
        </Button>
        {other && (
          <Button variant="light" disabled={isBusy || lost !== null} onClick={other.onClick}>
            {other.label}
          </Button>
        )}
        <Button color={isDanger ? "red" : undefined} loading={isBusy} disabled={isBarred || (lost !== null && !isBusy)} onClick={onConfirm}>
          {confirm}
        </Button>
      </Group>
    </Modal>
  );
}
