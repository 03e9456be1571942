import { Button, Menu } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useState } from "react";

import { takeOut, type Form } from "@/shared/export/takeOut";
import type { Query } from "@/shared/api/client";
import { plural } from "@/shared/format/format";
import { tellFailure } from "@/shared/ui/Notes";

export interface ExportList {
  /** What the file holds: "Accounts". */
  title: string;
  /** What one row is: "account". */
  row: string;
  /** Address of the file without its form. */
  path: string;
  query: Query;
  /** Rows that the file will have; null while that is not known. */
  rows: number | null;
}

const FORMS: readonly (readonly [Form, string])[] = [
  ["xlsx", "Excel (XLSX)"],
  ["csv", "CSV"],
];

/** Takes lists out of the system as files: all that is filtered, in the order that is shown. */
export function ExportMenu({ lists }: { lists: readonly ExportList[] }) {
  const [isBusy, setBusy] = useState(false);

  async function take({ path, query }: ExportList, form: Form) {
    setBusy(true);
    try {
      await takeOut(path, query, form);
    } catch (error) {
      tellFailure(error);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Menu position="bottom-end" withArrow shadow="md" withInitialFocusPlaceholder={false}>
      <Menu.Target>
        <Button variant="default" leftSection={<IconDownload size={16} aria-hidden />} loading={isBusy}>
          Export
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {lists.flatMap((list) =>
          FORMS.map(([form, name]) => (
            <Menu.Item key={list.path + form} onClick={() => void take(list, form)}>
              {list.title}
              {list.rows !== null && ` (${plural(list.rows, list.row)})`} as {name}
            </Menu.Item>
          )),
        )}
      </Menu.Dropdown>
    </Menu>
  );
}
