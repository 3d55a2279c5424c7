"""Tables of the casebook, and the functions that bring an older database up to date."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    insert,
    select,
    update,
)

METADATA = MetaData()
VERSION = 2

schema_version = Table("schema_version", METADATA, Column("version", Integer, primary_key=True))

rounds = Table(
    "rounds",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("procedure_id", String, nullable=False, index=True),
    Column("procedure_title", String, nullable=False),
    Column("procedure_version", String, nullable=False),
    Column("procedure_digest", String(64), nullable=False),
    Column("source", String, nullable=False),
    Column("start", Float, nullable=False),
    Column("end", Float, nullable=False),
    Column("timezone", String, nullable=False),
    Column("ad_hoc", Boolean, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("signed_by", String),
    Column("signed_at", Float),
    Column("signed_digest", String(64)),
)

items = Table(
    "items",
    METADATA,
    Column("thread_id", String(36), primary_key=True),
    Column("round_id", ForeignKey("rounds.id"), nullable=False, index=True),
    Column("item_id", String, nullable=False),
    Column("title", String, nullable=False),
    Column("position", Integer, nullable=False),
    Column("state", String, nullable=False, index=True),
    Column("awaiting", String),
    Column("verdict", String),
    Column("complete", Boolean),
    Column("findings", Integer),
    Column("report", String(64)),
    Column("checks", String(64)),
    Column("judgement", String(64)),
    Column("interrupt_id", String),
    Column("error", Text),
    Column("updated_at", Float, nullable=False),
    UniqueConstraint("round_id", "item_id"),
)

decisions = Table(
    "decisions",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("thread_id", String(36), nullable=False, index=True),
    Column("round_id", String(36), nullable=False, index=True),
    Column("item_id", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("interrupt_id", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("reviewer", String, nullable=False),
    Column("decided_at", Float, nullable=False),
    Column("evidence_digest", String(64), nullable=False),
    Column("procedure_digest", String(64), nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    UniqueConstraint("thread_id", "interrupt_id", "kind"),
)

proposals = Table(
    "proposals",
    METADATA,
    Column("decision_seq", Integer, primary_key=True, autoincrement=False),
    Column("round_id", String(36), nullable=False),
    Column("item_id", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("created_at", Float, nullable=False),
)

leases = Table(
    "leases",
    METADATA,
    Column("thread_id", String(36), primary_key=True),
    Column("holder", String, nullable=False),
    Column("host", String, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("process_started", String, nullable=False),
    Column("acquired_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
)

claims = Table(
    "claims",
    METADATA,
    Column("thread_id", String(36), primary_key=True),
    Column("holder", String, nullable=False),
    Column("claimed_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
)

openings = Table(
    "openings",
    METADATA,
    Column("thread_id", String(36), primary_key=True),
    Column("interrupt_id", String, primary_key=True),
    Column("reviewer", String, primary_key=True),
    Column("opened_at", Float, nullable=False),
)

searches = Table(
    "searches",
    METADATA,
    Column("seq", Integer, primary_key=True),
    Column("round_id", String(36), nullable=False),
    Column("item_id", String, nullable=False),
    Column("role", String, nullable=False),
    Column("source", String, nullable=False),
    Column("key", String(64), nullable=False, index=True),
    Column("earliest", Float, nullable=False),
    Column("latest", Float, nullable=False),
    Column("row_limit", Integer, nullable=False),
    Column("status", String, nullable=False),
    Column("evidence", String(64), nullable=False),
    Column("executed_at", Float, nullable=False),
    Column("duration_s", Float, nullable=False),
)


closings = Table(
    "closings",
    METADATA,
    Column("thread_id", String(36), primary_key=True),
    Column("kind", String, nullable=False),
    Column("by_round", String(36), nullable=False),
    Column("closed_at", Float, nullable=False),
)


class NewerSchemaError(Exception):
    """The database was written by a newer version of this program."""


def upgrade(connection: Connection) -> None:
    """Create what is missing, and write down the version that the database now has.

    Version 2 has items that are closed, which an older program could not read.

    Raises:
        NewerSchemaError: The database is of a later version than this program knows.
    """
    METADATA.create_all(connection)
    found = connection.execute(select(schema_version.c.version)).scalar()
    if found is None:
        connection.execute(insert(schema_version).values(version=VERSION))
    elif found < VERSION:
        connection.execute(update(schema_version).values(version=VERSION))
    elif found > VERSION:
        raise NewerSchemaError(
            f"the casebook has schema {found}, this program knows {VERSION}. Update Tejun."
        )
