import { Button, FileButton, Group, Progress, Text, Title } from "@mantine/core";
import { IconUpload } from "@tabler/icons-react";
import { useState } from "react";

import { useFiles } from "@/features/files/api/listFiles";
import { useUpload } from "@/features/files/api/uploadFile";
import { FileTable } from "@/features/files/FileTable";
import { RunPanel } from "@/features/files/RunPanel";
import { LiveNote } from "@/shared/live/live";
import { useLost } from "@/shared/live/useLost";
import { denied, useMe } from "@/shared/session/session";
import { Failure, tellCommandFailure, Waiting } from "@/shared/ui/Notes";
import { PageHead } from "@/shared/ui/PageHead";
import { ReasonedButton } from "@/shared/ui/ReasonedButton";

/** Files: take in what custodians send, see what was wrong in it, and run the analysis. */
export function FilesPage() {
  const files = useFiles();
  const me = useMe();
  const lost = useLost();
  const [refusals, setRefusals] = useState<{ error: unknown; perhaps: string }[]>([]);
  const { upload, run } = useUpload((error, name) => {
    const perhaps = `The file ${name} may have been taken in.`;
    setRefusals((before) => [...before, { error, perhaps }]);
    tellCommandFailure(error, perhaps);
  });
  const barred = denied(me, "operate") ?? lost;
  return (
    <>
      <PageHead title="Files and analysis" aside={<LiveNote />} />
      <RunPanel />
      <Group justify="space-between" mt="xl" mb="sm">
        <Title order={2}>Custodian files</Title>
        {barred === null ? (
          <FileButton
            multiple
            inputProps={{ "aria-label": "Custodian files" }}
            onChange={(chosen) => {
              setRefusals([]);
              void run(chosen);
            }}
          >
            {(props) => (
              <Button {...props} leftSection={<IconUpload size={16} aria-hidden />} loading={upload !== null}>
                Upload files
              </Button>
            )}
          </FileButton>
        ) : (
          <ReasonedButton barred={barred} onClick={() => undefined}>
            Upload files
          </ReasonedButton>
        )}
      </Group>
      {upload && (
        <div role="status" className="upload">
          <Text size="sm">Sending {upload.name}</Text>
          <Progress value={upload.sent} aria-label={`Sending ${upload.name}`} />
        </div>
      )}
      {refusals.map((refusal, index) => (
        <Failure key={index} {...refusal} />
      ))}
      {files.error && <Failure error={files.error} onRetry={() => void files.refetch()} />}
      {files.isPending ? <Waiting what="files" /> : <FileTable files={files.data?.rows ?? []} />}
    </>
  );
}
