import sqlite3
import threading

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from artifacts.store.catalog import Catalog, migrate, schema, tables
from artifacts.store.catalog.database import Database
from artifacts.store.errors import FormatError, InvalidInputError, PermissionDeniedError
from artifacts.store.records import INTERNAL_TYPES
from tests.conformance.catalog_tests import CatalogTests, draft, log


@pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.dialect()], ids=lambda d: d.name)
def test_statements_know_every_column_with_its_type(dialect):
    def columns(table):
        return {column.name: column.type.compile(dialect).split("(")[0] for column in table.columns}

    found = {
        table.name: columns(table)
        for table in vars(schema).values()
        if isinstance(table, sa.TableClause)
    }
    assert found == {name: columns(table) for name, table in tables.metadata.tables.items()}


class TestSqliteCatalog(CatalogTests):
    @pytest.fixture
    def catalog(self, tmp_path):
        catalog = Catalog.sqlite(tmp_path / "catalog.sqlite")
        yield catalog
        catalog.close()

    def test_commits_are_durable(self, catalog):
        modes = catalog._db.read(
            lambda c: [
                c.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys")
            ]
        )
        assert modes == ["wal", 2, 1]

    def test_a_second_opening_sees_the_same(self, catalog, tmp_path):
        version = log(catalog)
        other = Catalog.sqlite(tmp_path / "catalog.sqlite")
        assert other.version(version.id) == version
        other.close()

    def test_paths_with_special_characters(self, tmp_path):
        folder = tmp_path / "50% of #1? é"
        folder.mkdir()
        catalog = Catalog.sqlite(folder / "catalog.sqlite")
        log(catalog)
        catalog.close()
        assert (folder / "catalog.sqlite").exists()

    def test_read_only(self, catalog, tmp_path):
        version = log(catalog)
        reader = Catalog.sqlite(tmp_path / "catalog.sqlite", read_only=True)
        assert reader.version(version.id) == version
        with pytest.raises(PermissionDeniedError):
            reader.commit(draft(1))
        reader.close()


class TestPostgresCatalog(CatalogTests):
    @pytest.fixture
    def catalog(self, postgres_url):
        catalog = Catalog.open_url(postgres_url)
        yield catalog
        catalog.close()

    def test_the_migrations_make_the_tables(self, catalog):
        from alembic.autogenerate import compare_metadata
        from alembic.migration import MigrationContext

        with catalog._db.engine.connect() as connection:
            options = {"compare_type": True, "compare_server_default": True}
            context = MigrationContext.configure(connection, opts=options)
            assert compare_metadata(context, tables.metadata) == []

    def test_a_second_opening_sees_the_same(self, catalog, postgres_url):
        version = log(catalog)
        other = Catalog.open_url(postgres_url.replace("postgresql://", "postgres://"))
        assert other.version(version.id) == version
        other.close()

    def test_read_only(self, catalog, postgres_url):
        version = log(catalog)
        reader = Catalog.open_url(postgres_url, read_only=True)
        assert reader.version(version.id) == version
        with pytest.raises(PermissionDeniedError):
            reader.commit(draft(1))
        reader.close()

    def test_a_read_sees_one_state(self, catalog):
        def work(connection):
            before = connection.scalar(sa.select(sa.func.count()).select_from(schema.versions))
            log(catalog)
            after = connection.scalar(sa.select(sa.func.count()).select_from(schema.versions))
            return before, after

        assert catalog._db.read(work) == (0, 0)
        assert len(catalog.list_versions("local", "demo", "corpus")) == 1

    def test_an_empty_schema_cannot_be_read(self, postgres_url):
        with pytest.raises(FormatError) as caught:
            Catalog.open_url(postgres_url, read_only=True)
        assert caught.value.kind == "store_too_old"

    def test_a_newer_schema_is_refused(self, catalog, postgres_url):
        statement = sa.text("UPDATE alembic_version SET version_num = '9999'")
        catalog._db.write(lambda c: c.execute(statement))
        with pytest.raises(FormatError) as caught:
            Catalog.open_url(postgres_url)
        assert caught.value.kind == "store_too_new"

    def test_values_that_the_database_cannot_hold(self, catalog):
        for values in ({"description": "a\0b"}, {"metadata": {"a": "b\0c"}}):
            with pytest.raises(InvalidInputError):
                log(catalog, **values)
        assert catalog.list_artifacts() == []


def test_the_migrations_end_where_the_code_expects():
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(migrate.alembic_config())
    assert script.get_current_head() == migrate.HEAD
    assert {revision.revision for revision in script.walk_revisions()} == set(migrate.KNOWN)


def test_the_migrations_make_the_tables(tmp_path):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    catalog = Catalog.sqlite(tmp_path / "catalog.sqlite")
    catalog.close()
    database = Database.sqlite(tmp_path / "catalog.sqlite")
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables.metadata) == []
        made = _layout(connection)
    database.close()
    fresh = sa.create_engine("sqlite://")
    with fresh.connect() as connection:
        tables.metadata.create_all(connection)
        assert _layout(connection) == made
    fresh.dispose()


def _layout(connection):
    """Name, columns and nature of every table and index, as SQLite sees them."""
    master = connection.exec_driver_sql(
        "SELECT type, name, tbl_name FROM sqlite_master WHERE name <> 'alembic_version' "
        "AND name NOT LIKE 'sqlite_%' ORDER BY name"
    ).all()
    layout = {}
    for kind, name, table in master:
        pragma = "table_info" if kind == "table" else "index_xinfo"
        columns = connection.exec_driver_sql(f"PRAGMA {pragma}({name})").all()
        layout[kind, name, table] = [tuple(column) for column in columns]
    flags = connection.exec_driver_sql("SELECT name, wr, strict FROM pragma_table_list").all()
    return layout, sorted(tuple(f) for f in flags if not f[0].startswith(("sqlite_", "alembic")))


@pytest.mark.parametrize("attempt", range(5))
def test_many_openings_of_a_new_catalog_at_once(tmp_path, attempt):
    barrier = threading.Barrier(4)
    failures = []

    def work():
        barrier.wait()
        try:
            Catalog.sqlite(tmp_path / "catalog.sqlite").close()
        except Exception as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_newer_schema_is_refused(tmp_path):
    path = tmp_path / "catalog.sqlite"
    Catalog.sqlite(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    for read_only in (False, True):
        with pytest.raises(FormatError, match="newer") as caught:
            Catalog.sqlite(path, read_only=read_only)
        assert caught.value.kind == "store_too_new"
        assert caught.value.hint is not None


def test_an_older_schema_cannot_be_upgraded_without_writing(tmp_path):
    path = tmp_path / "catalog.sqlite"
    sqlite3.connect(path).close()
    path.touch()
    with pytest.raises(FormatError) as caught:
        Catalog.sqlite(path, read_only=True)
    assert caught.value.kind == "store_too_old"


def test_edges_of_an_older_catalog_learn_what_they_lead_to(tmp_path):
    from alembic import command

    path = tmp_path / "catalog.sqlite"
    database = Database.sqlite(path)
    types = ["dataset", *sorted(INTERNAL_TYPES)]

    def older(connection):
        config = migrate.alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        insert = connection.exec_driver_sql
        insert("INSERT INTO projects VALUES (1, 'local', 'p', 0)")
        insert(
            "INSERT INTO runs (id, project_id, run_id, name, state, tags, config, summary,"
            " created_at) VALUES (1, 1, 'r', 'r', 'finished', '[]', '{}', '{}', 0)"
        )
        for key, type_ in enumerate(types, 1):
            insert(
                "INSERT INTO artifacts (id, project_id, name, type, next_number, created_at,"
                f" updated_at) VALUES ({key}, 1, 'a{key}', '{type_}', 1, 0, 0)"
            )
            insert(
                "INSERT INTO versions (id, artifact_id, number, digest, size, file_count,"
                " metadata, created_at, updated_at, logged_at)"
                f" VALUES ({key}, {key}, 0, x'00', 0, 0, '{{}}', 0, 0, 0)"
            )
            insert(
                "INSERT INTO links (run_id, version_id, kind, at)"
                f" VALUES (1, {key}, 'out', 0), (1, {key}, 'in', 0)"
            )

    database.write(older)
    database.close()
    catalog = Catalog.sqlite(path)
    made = catalog.read_graph(lambda graph: graph.outputs_of([1], internal=False))
    used = catalog.read_graph(lambda graph: graph.inputs_of([1], internal=False))
    assert (made, used) == (([1], [1]), {1})
    _, all_made = catalog.read_graph(lambda graph: graph.outputs_of([1]))
    assert sorted(all_made) == list(range(1, len(types) + 1))
    catalog.close()


@pytest.mark.parametrize("content", [b"not a database, certainly not\n" * 100])
def test_a_damaged_file_is_said_to_be_damaged(tmp_path, content):
    path = tmp_path / "catalog.sqlite"
    path.write_bytes(content)
    with pytest.raises(FormatError) as caught:
        Catalog.sqlite(path)
    assert caught.value.kind == "catalog_damaged"
    assert path.read_bytes() == content
