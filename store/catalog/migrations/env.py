"""Run by Alembic: migrates over the connection that `migrate.ensure_schema` hands over.

Without one (a developer calls ``alembic revision --autogenerate``) it compares an empty
in-memory database with the tables.
"""

import sqlalchemy as sa
from alembic import context


def _run(connection: sa.Connection, target: sa.MetaData | None = None) -> None:
    context.configure(
        connection=connection,
        target_metadata=target,
        transactional_ddl=False,
        render_as_batch=True,
    )
    context.run_migrations()


_given = context.config.attributes.get("connection")
if _given is not None:
    _run(_given)
else:
    from artifacts.store.catalog import tables

    with sa.create_engine("sqlite://").connect() as _connection:
        _run(_connection, tables.metadata)
