import { Radio, Stack, TextInput } from "@mantine/core";
import { useState } from "react";

import type { Logic } from "@/shared/api/models";
import type { ProblemError } from "@/shared/api/problem";
import { count } from "@/shared/format/format";
import { logicNames, logicSentences } from "@/shared/format/names";
import { Confirm } from "@/shared/ui/Confirm";

/** Longest name of a request that the server takes. */
export const MOST_LETTERS = 80;

/** What a request begins with: the trade logic in force, and a name that may be empty. */
export interface Terms {
  logic: Logic;
  name: string;
}

export const USUAL: Terms = { logic: "BEST_FIT", name: "" };
const OFFERED = Object.keys(logicNames) as Logic[];

interface Props {
  accounts: number;
  /** Behind a question about what was sent: what was typed stays. */
  isHidden: boolean;
  isBusy: boolean;
  refusal: ProblemError | null;
  onPropose: (terms: Terms) => void;
  onClose: () => void;
}

/** Choose the trade logic and a name of a request before it is made. */
export function ProposeDialog({ accounts, isHidden, isBusy, refusal, onPropose, onClose }: Props) {
  const [terms, setTerms] = useState(USUAL);
  if (isHidden) return null;
  return (
    <Confirm
      title={accounts === 1 ? "Propose trades for 1 account" : `Propose trades for ${count(accounts)} accounts`}
      confirm="Propose trades"
      isBusy={isBusy}
      refusal={refusal}
      onClose={onClose}
      onConfirm={() => onPropose(terms)}
    >
      <Stack gap="md">
        <Radio.Group
          label="Trade logic"
          description="All are computed for every account. This one is in force first; it can be switched while the request is pending."
          value={terms.logic}
          onChange={(logic) => setTerms({ ...terms, logic })}
        >
          <Stack gap={8} mt="xs">
            {OFFERED.map((logic) => (
              <Radio key={logic} value={logic} label={logicNames[logic]} description={logicSentences[logic]} />
            ))}
          </Stack>
        </Radio.Group>
        <TextInput
          label="Name of the request"
          description={`Optional, such as "Monday, large accounts". Everybody who sees a part of the request reads it. ${count(MOST_LETTERS - terms.name.length)} characters left.`}
          maxLength={MOST_LETTERS}
          value={terms.name}
          onChange={(event) => setTerms({ ...terms, name: event.currentTarget.value.replace(/\s/g, " ") })}
        />
      </Stack>
    </Confirm>
  );
}
