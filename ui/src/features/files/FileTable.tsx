import { Button, Loader, Modal, Progress, Text } from "@mantine/core";
import { useState } from "react";

import { useFile } from "@/features/files/api/getFile";
import { isWorking } from "@/features/files/status";
import type { FileView } from "@/shared/api/models";
import { count, day, instant, MISSING, plural } from "@/shared/format/format";
import { fileStatusNames } from "@/shared/format/names";
import { Failure, Waiting } from "@/shared/ui/Notes";
import { PlainTable, type PlainColumn } from "@/shared/ui/PlainTable";
import { Tag, type Tone } from "@/shared/ui/Tag";

const TONES: Readonly<Record<FileView["status"], Tone>> = { LOADING: "info", LOADED: "info", PUBLISHED: "good", REFUSED: "bad", DUPLICATE: "plain" };

type Problem = NonNullable<FileView["problems"]>[number];

const PROBLEMS: readonly PlainColumn<Problem>[] = [
  { header: "Line", isNumber: true, cell: (problem) => count(problem.line) },
  { header: "Account", cell: (problem) => problem.account_number ?? MISSING },
  { header: "Column", cell: (problem) => problem.column ?? MISSING },
  { header: "Reason", cell: (problem) => <span className="sentence">{problem.message}</span> },
];

/** Loads with their state; each opens to what was wrong in it. */
export function FileTable({ files }: { files: readonly FileView[] }) {
  const [shown, setShown] = useState<FileView | null>(null);
  const columns: readonly PlainColumn<FileView>[] = [
    { header: "File", cell: (file) => file.file_name },
    { header: "Custodian", cell: (file) => file.custodian ?? MISSING },
    { header: "As of", cell: (file) => day(file.as_of) },
    { header: "Status", cell: (file) => <FileStatus file={file} /> },
    { header: "Rows", isNumber: true, cell: (file) => count(file.rows) },
    { header: "Accounts", isNumber: true, cell: (file) => count(file.accounts) },
    { header: "Held", isNumber: true, help: "Accounts put on data hold by this file", cell: (file) => count(file.held) },
    { header: "Received", cell: (file) => instant(file.received_at) },
    {
      header: "Problems",
      cell: (file) =>
        file.held > 0 || file.status === "REFUSED" || (file.problems?.length ?? 0) > 0 ? (
          <Button size="compact-sm" variant="default" aria-label={`Problems of ${file.file_name}`} onClick={() => setShown(file)}>
            Problems
          </Button>
        ) : (
          <span className="note">None</span>
        ),
    },
  ];
  return (
    <>
      <PlainTable label="Files taken in" columns={columns} rows={files} rowKey={(file) => file.file_id} empty="No file has been taken in yet." />
      {shown && (
        <Modal opened onClose={() => setShown(null)} title={`Problems in ${shown.file_name}`} size="xl" centered>
          <Problems fileId={shown.file_id} />
        </Modal>
      )}
    </>
  );
}

function FileStatus({ file }: { file: FileView }) {
  return (
    <span className="file-status">
      {isWorking(file) && <Loader size={14} aria-hidden />}
      <Tag tone={TONES[file.status]}>{fileStatusNames[file.status]}</Tag>
      {isWorking(file) && file.rows > 0 && (
        <Progress.Root w={90} size="sm">
          <Progress.Section value={(100 * file.rows_done) / file.rows} aria-label={`Rows of ${file.file_name} done`} />
        </Progress.Root>
      )}
      {file.reason && <span className="note sentence">{file.reason}</span>}
    </span>
  );
}

function Problems({ fileId }: { fileId: string }) {
  const file = useFile(fileId);
  if (file.isPending) return <Waiting what="problems" />;
  if (!file.data) return <Failure error={file.error} onRetry={() => void file.refetch()} />;
  const { problems = [], reason, held } = file.data;
  return (
    <>
      {reason && <Text mb="sm">{reason}</Text>}
      <Text mb="sm">{held > 0 ? `${plural(held, "account")} on data hold; the rest of the file was taken in.` : "No account is on hold because of this file."}</Text>
      <PlainTable label="Problems" columns={PROBLEMS} rows={problems} rowKey={(problem) => `${problem.line} ${problem.column ?? ""} ${problem.code}`} empty="No single row is at fault." />
    </>
  );
}
