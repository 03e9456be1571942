"""What the role of requests may do, by the catalogue: a new right must be looked at, and gets its reason here."""

from collections import defaultdict
from typing import Any

import pytest
from psycopg import AsyncConnection, Connection, errors

from deploy import roles
from shared.contracts.tenancy import ENTER, sealed
from shared.kafka.messages import Outgoing
from shared.outbox.rows import enqueue, seal
from shared.postgres.pool import REQUESTS, arguments
from tests.security.tenants import Tables, scope_of_tenant
from tests.stackfix.infrastructure import as_role

pytestmark = pytest.mark.integration

_FIGURES = (
    "value_cents, begin_cash_cents, end_cash_cents, buys, buys_cents, sells, sells_cents, flats, flats_cents,"
    " short_cents, long_cents, unknown_term_cents, estimated_cents, no_basis_proceeds_cents"
)
# Every right of a role of requests on a table or sequence, with the reason of each that is more than reading.
RIGHTS = {
    **{
        f"analyzer.{table}": ["SELECT"]
        for table in (
            "account_facts",
            "flag",
            "name",
            "security",
            "price_set",
            "price_withheld",
            "model",
            "portfolio",
            "portfolio_model",
            "target",
            "analysis_run",
            "analysis_part",
            "analysis_outcome",
        )  # what a page about one account, and one about an analysis, is made of
    },
    "analyzer.analysis_shard": ["SELECT (run_no, done)"],  # which runs go on, not whose accounts they are at
    "analyzer.security_version": ["SELECT"],  # a number: whether the roles of securities are to be read again
    "analyzer.price_decision": [
        "SELECT (decision_no, price_set, security_no, decision, generation, in_force)",  # not who decided
    ],
    **{f"taxlot.{table}": ["SELECT"] for table in ("account", "file_part", "file_problem")},
    "taxlot.file": [  # what of a file concerns no reader alone is told by whole_files()
        "SELECT (file_id, name, status, custodian, data_date, reason_code, duplicate_of, received_at, sent_by)",
    ],
    "batch.account": [
        "SELECT",
        "UPDATE (epoch, last_rebalanced)",  # an approval begins a new epoch; it also locks the accounts
    ],
    **{f"batch.{table}": ["SELECT"] for table in ("flag", "flag_detail", "result_chunk", "analysis", "execution")},
    "batch.batch": [
        # A batch begins undecided; whose it is, who asked for it and until when is never changed.
        "INSERT (batch_id, enterprise_ids, advisor_ids, version, status, logic, label, accounts, only_account,"
        " requested_by, requested_name, requested_at, trade_date, cancel_at, answered_at, told_at, working)",
        "SELECT",
        "UPDATE (version, status, reason, logic, decided_by, decided_name, decided_at, answered_at, told_at, working,"
        " proposed, failed, removed, approved, cancelled, stale, short_cents, long_cents, estimated_cents, wash_seen,"
        " turnover_cents, note, first_by, first_name, first_at, first_note, first_version, wash_session)",
    ],
    "batch.batch_account": [
        # The accounts of a new batch, and what commands change of them; whose they are and their epoch stay.
        "INSERT (batch_id, account_id, enterprise_id, advisor_id, place, account_number, name, custodian, taxable,"
        " epoch, liquidate, state, open, sent_at)",
        "SELECT",
        "UPDATE (state, open, frozen, attempt, first_attempt, sent_at, stale_code, stale_text, removed_name, chunk_id,"
        f" row_no, {_FIGURES}, remarks, has_loss, wash_cents, wash_permanent_cents, washes,"
        " wash_earlier_cents, wash_earlier_permanent_cents, earlier_losses, removed_version, over_budget_cents,"
        " gain_excesses, edit)",
    ],
    # What an approval leaves to later wash-sale checks, in its own transaction; read through functions.
    **{f"batch.{table}": ["INSERT"] for table in ("approved_loss", "approved_buy", "approved_sale", "wash_use")},
    "batch.wash_recorded": ["INSERT", "SELECT"],
    "batch.decision": ["INSERT", "SELECT"],  # kept in the transaction that decides; never changed, by a trigger
    "batch.idempotency": [  # a key is claimed and answered in the command's transaction; forgetting is the sweep's
        "INSERT (subject, route, key, body_sha256, made_at)",
        "SELECT",
        "UPDATE (status, body, headers)",
    ],
    "batch.account_word": ["SELECT"],  # by which accounts in scope are found; a trigger of theirs keeps it
    "batch.withdrawn_prices": ["SELECT (price_set, is_withdrawn)"],  # whether a proposal is stale
    "batch.parked": ["SELECT (batch_id, parked_at, again_at)"],  # of a batch that is shown; not the fault itself
    "batch.approval_rule": ["SELECT"],  # what an enterprise asks of decisions, shown before one tries
    "batch.decision_link": ["SELECT"],  # numbers and digests of decisions, no figures; a trigger appends
    "batch.incarnation": ["SELECT (name, begun_at)"],  # part of source and id of what commands send, and of orders
    "batch.batch_number": ["USAGE"],
    "gateway.app_user": ["SELECT"],
    "gateway.saved_view": [  # a user's own views and those shared with them, in the transaction of their command
        "DELETE",
        "INSERT",
        "SELECT",
        "UPDATE (enterprise_id, name, content, version, changed_at)",
    ],
    "gateway.session": ["DELETE", "INSERT", "SELECT", "UPDATE (used_at)"],  # the one whose id was shown
}
# Functions of the schemas that a role of requests may call.
FUNCTIONS = {
    **{f"{service}.entered()": "whose rows the transaction may see" for service in roles.SERVICES},
    "batch.refuse_change()": "a trigger: cannot be called",
    "taxlot.whole_files(bigint[])": "looks at the scope, answers about files that it covers wholly",
    "taxlot.notes_of_whole_file(bigint)": "asks whole_files",
    "gateway.audit_is_kept()": "a trigger: cannot be called",
    "batch.wash_losses(text[],date)": "of the scope's enterprises: the household counts, whoever its advisors are",
    "batch.wash_uses(text[])": "as wash_losses",
    "batch.wash_buys(text[],timestamp with time zone)": "as wash_losses",
    "batch.wash_sales(text[],date)": "as wash_losses",
    "batch.wash_turns(text[],boolean,bigint)": "a number of approvals, of the scope's enterprises alone",
    "batch.append_decision(bigint)": "with the caller's own rights: the trigger appends now, and the link is read",
    "batch.outbox_add(text,text[],bytea[],bytea[],text[])": "adds what carries the seal of the service",
}
_RIGHTS = """
WITH given AS (
    SELECT c.oid, acl.grantee, acl.privilege_type, NULL::smallint AS place
    FROM pg_class c, aclexplode(c.relacl) acl WHERE c.relnamespace = ANY (%(schemas)s::regnamespace[])
    UNION ALL
    SELECT a.attrelid, acl.grantee, acl.privilege_type, a.attnum
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid, aclexplode(a.attacl) acl
    WHERE c.relnamespace = ANY (%(schemas)s::regnamespace[])
)
SELECT given.oid::regclass::text, privilege_type, a.attname FROM given
LEFT JOIN pg_attribute a ON a.attrelid = given.oid AND a.attnum = given.place
WHERE given.grantee = 0 OR given.grantee::regrole::text LIKE '%%\\_requests' ORDER BY 1, 2, given.place
"""


def _rights(connection: Connection[Any]) -> dict[str, list[str]]:
    """Return the rights of roles of requests, and of everybody, by table."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name, privilege, column in connection.execute(_RIGHTS, {"schemas": list(roles.SERVICES)}).fetchall():
        found[name][privilege] += [column] if column else []
    return {
        name: [f"{right} ({', '.join(columns)})" if columns else right for right, columns in rights.items()]
        for name, rights in found.items()
    }


def test_every_right_of_the_role_of_requests_is_looked_at(tables: Tables) -> None:
    with tables.as_admin() as connection:
        assert _rights(connection) == RIGHTS, "a right that requests need gets its reason here; any other is taken away"
        callable_ones = connection.execute(
            "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
            " WHERE n.nspname = ANY(%s) AND has_function_privilege(n.nspname || '_requests', p.oid, 'EXECUTE')",
            [list(roles.SERVICES)],
        ).fetchall()
        assert {name for (name,) in callable_ones} == set(FUNCTIONS)
        for service in roles.SERVICES:
            role = f"{service}{roles.REQUESTS}"
            elsewhere = connection.execute(
                "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
                " AND (has_schema_privilege(%(role)s, oid, 'CREATE')"
                " OR nspname NOT IN (%(schema)s, 'public') AND has_schema_privilege(%(role)s, oid, 'USAGE'))",
                {"role": role, "schema": service},
            ).fetchall()
            assert elsewhere == [], role


COLUMNS = (["rebalancer.orders.v1"], [b"B1"], [b"{}"], ["{}"])
FORGED = "SELECT outbox_add(%s, %s::text[], %s::bytea[], %s::bytea[], %s::text[])"
SMUGGLED = (
    "INSERT INTO outbox (topic, key, value, headers) VALUES ('rebalancer.orders.v1', 'B1', '{}', '{}')",
    "COPY outbox (topic, key, value, headers) FROM STDIN",
    "SELECT * FROM outbox",
    "SELECT count(*) FROM outbox",
    "UPDATE outbox SET value = '{}'",
    "UPDATE outbox SET published_at = NULL",
    "DELETE FROM outbox",
    "TRUNCATE outbox",
    "SELECT outbox_add('', '{rebalancer.orders.v1}', '{B1}', '{x}', '{x}')",
    "SELECT outbox_add(NULL, '{rebalancer.orders.v1}', '{B1}', '{x}', '{x}')",
    "CREATE OR REPLACE FUNCTION outbox_add(text, text[], bytea[], bytea[], text[]) RETURNS void LANGUAGE sql AS ''",
    "UPDATE batch SET requested_by = 'somebody'",
    "UPDATE batch SET cancel_at = cancel_at + interval '1 day'",
    "INSERT INTO batch (decided_by, decided_at) VALUES ('me', now())",
    "INSERT INTO batch_account (frozen, chunk_id) VALUES (true, 1)",
    "UPDATE batch_account SET epoch = 0",
    "DELETE FROM batch_account",
    "DELETE FROM idempotency",
)


def test_a_statement_smuggled_into_a_request_sends_nothing(tables: Tables) -> None:
    passed = []
    for statement in SMUGGLED:
        with tables.as_requests("batch", scope_of_tenant(1)) as connection:
            try:
                connection.execute(statement.encode())
            except errors.InsufficientPrivilege:
                continue
            passed.append(statement)
    assert passed == []
    made_up = (
        seal(b"guessed", COLUMNS),
        seal(tables.key("gateway"), COLUMNS),
        seal(tables.key("batch"), (*COLUMNS[:2], [b"{ }"], COLUMNS[3])),
        seal(tables.key("batch"), (*COLUMNS[:3], ['{"ce_id": "1"}'])),
        seal(tables.key("batch"), (COLUMNS[0] * 2, COLUMNS[1] * 2, COLUMNS[2] * 2, COLUMNS[3] * 2)),
        sealed(scope_of_tenant(1), tables.key("batch"))[:64],
    )
    for forged in made_up:
        refused = pytest.raises(errors.InsufficientPrivilege, match="seal of this service")
        with tables.as_requests("batch", scope_of_tenant(1)) as connection, refused:
            connection.execute(FORGED, [forged, *COLUMNS])
    with tables.as_admin() as connection:
        assert connection.execute("SELECT count(*) FROM batch.outbox").fetchone() == (0,)


async def test_what_a_command_sends_is_there_byte_for_byte_and_in_order(tables: Tables) -> None:
    sent = [
        Outgoing("batch.queue", "schlüssel\n\\N".encode(), bytes(range(256)) * number, {"ce_id": f'"{number}"\t{{é}}'})
        for number in range(300)
    ]
    session = arguments("batch", REQUESTS, "test")
    url = as_role(tables.admin_url, "batch_requests")
    async with await AsyncConnection.connect(url, **session) as connection:
        await connection.execute(ENTER, [sealed(scope_of_tenant(1), tables.key("batch"))])
        await enqueue(connection, sent, tables.key("batch"))
        await enqueue(connection, [], tables.key("batch"))
    with tables.as_admin() as admin:
        rows = admin.execute("SELECT topic, key, value, headers FROM batch.outbox ORDER BY id").fetchall()
    assert [Outgoing(topic, bytes(key), bytes(value), headers) for topic, key, value, headers in rows] == sent


async def test_a_temporary_table_never_stands_in_for_one_of_the_service(tables: Tables) -> None:
    """Connections are lent again and again: what one request left behind must not take the rows of the next."""
    url = as_role(tables.admin_url, "batch_requests")
    async with await AsyncConnection.connect(url, **arguments("batch", REQUESTS, "test")) as connection:
        await connection.execute("CREATE TEMP TABLE idempotency (LIKE batch.idempotency)")
        found = await connection.execute("SELECT 'idempotency'::regclass = 'batch.idempotency'::regclass")
        assert await found.fetchone() == (True,)
