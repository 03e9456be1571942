import { Button, Tooltip, VisuallyHidden, type ButtonProps } from "@mantine/core";
import { useId, type ReactNode } from "react";

import { useLost } from "@/shared/live/useLost";

interface Props extends ButtonProps {
  /** Why it cannot be pressed now; null when it can. */
  barred: string | null;
  onClick: () => void;
  type?: "button" | "submit";
  children: ReactNode;
}

/** A button of a command. It stays reachable while greyed, also for want of a connection, so that its reason can be read. */
export function ReasonedButton({ barred: given, onClick, children, ...rest }: Props) {
  const id = useId();
  const lost = useLost();
  const barred = given ?? lost;
  if (barred === null) {
    return (
      <Button {...rest} onClick={onClick}>
        {children}
      </Button>
    );
  }
  return (
    <>
      <Tooltip label={barred}>
        <Button {...rest} data-disabled aria-disabled="true" aria-describedby={id} onClick={(event) => event.preventDefault()}>
          {children}
        </Button>
      </Tooltip>
      <VisuallyHidden id={id}>{barred}</VisuallyHidden>
    </>
  );
}
