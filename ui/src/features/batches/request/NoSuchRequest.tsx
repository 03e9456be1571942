import { Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";

import type { Shelf } from "@/features/batches/status";
import { PageHead } from "@/shared/ui/PageHead";

const NUMBER = /^[1-9][0-9]{0,14}$/;

/** The number of a request as an address writes it; null for anything else. */
export function requestNumber(text: string): number | null {
  return NUMBER.test(text) ? Number(text) : null;
}

/** The end of an address that names no request, and the way to those that there are. */
export function NoSuchRequest({ text, shelf }: { text: string; shelf: Shelf }) {
  return (
    <>
      <PageHead title={`There is no request '${text}'`} />
      <Text mb="sm">Requests have whole numbers, such as 12. The address may have been cut or mistyped.</Text>
      {shelf === "open" ? <Link to="/pending">Go to Pending Approval</Link> : <Link to="/history">Go to History</Link>}
    </>
  );
}
