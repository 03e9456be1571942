"""Alembic's entry point, the same for every service: runs the versions of one service in that service's schema."""

import time

from alembic import context
from sqlalchemy import Connection, create_engine, pool, text

from shared.postgres.pool import MIGRATION, arguments, sqlalchemy_url

config = context.config
schema = str(config.attributes["schema"])
_LOOK_EVERY_S = 0.5


def run() -> None:
    """Migrate inside one transaction under an advisory lock, so that replicas starting together do it once."""
    if context.is_offline_mode():
        context.configure(dialect_name="postgresql", literal_binds=True, version_table_schema=schema, as_sql=True)
        with context.begin_transaction():
            context.run_migrations()
        return
    address = sqlalchemy_url(str(config.attributes["database_url"]))
    session = arguments(schema, MIGRATION, f"{schema}-migrate")
    engine = create_engine(address, poolclass=pool.NullPool, connect_args=session)
    with engine.begin() as connection:
        # Polled: a wait inside the server would end at the timeout for table locks.
        ask, name = text("SELECT pg_try_advisory_xact_lock(hashtext(:name))"), {"name": f"migrate-{schema}"}
        while not connection.scalar(ask, name):
            time.sleep(_LOOK_EVERY_S)
        # Checked first: the owner of a schema may not run CREATE SCHEMA, even with IF NOT EXISTS.
        found = connection.execute(text("SELECT 1 FROM pg_namespace WHERE nspname = :name"), {"name": schema}).first()
        if found is None:
            connection.execute(text(f'CREATE SCHEMA "{schema}"'))
        connection.execute(text(f'SET LOCAL search_path TO "{schema}"'))
        context.configure(connection=connection, version_table_schema=schema, transactional_ddl=True)
        context.run_migrations()
        _keep_history_from_services(connection)


def _keep_history_from_services(connection: Connection) -> None:
    """Revoke the right to change the migration history from the service's role."""
    role = connection.execute(
        text("SELECT 1 FROM pg_roles WHERE rolname = :name AND rolname <> current_user"), {"name": schema}
    ).first()
    if role is not None:
        connection.execute(text(f'REVOKE INSERT, UPDATE, DELETE ON "{schema}".alembic_version FROM "{schema}"'))


run()
