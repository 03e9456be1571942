import { Button, Tooltip, VisuallyHidden, type ButtonProps } from "@mantine/core";
import { useId, type ReactNode } from "react";

interface Props extends ButtonProps {
  /** Why it cannot be pressed now; null when it can. */
  barred: string | null;
  onClick: () => void;
  children: ReactNode;
}

/** A button that stays reachable while greyed, so that its reason can be read. */
export function ReasonedButton({ barred, onClick, children, ...rest }: Props) {
  const id = useId();
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
