import { useEffect } from "react";

import { NOTHING, under, type Filter, type Selection } from "@/shared/selection/selection";
import { useHeld } from "@/shared/state/memory";

/**
 * What is selected in the list under `name`. One made by filter ends with that filter for good: it does not come back unasked when
 * the filter does.
 */
export function useSelection(name: string, filter: Filter): [Selection, (next: Selection) => void] {
  const [held, setSelection] = useHeld<Selection>(`selection.${name}`, NOTHING);
  const selection = under(held, filter);
  const hasEnded = selection !== held;
  useEffect(() => {
    if (hasEnded) setSelection(NOTHING);
  }, [hasEnded, setSelection]);
  return [selection, setSelection];
}
