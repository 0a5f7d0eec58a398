"""The auditor's room: the log is searched by body, person, object and time; quick proofs; later keys of the log."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_BEFORE = ("employee_id", "entity_id", "object_id")
_NOW = {
    "ix_events_employee": ["employee_id", "at", "seq"],
    "ix_events_entity": ["entity_id", "at", "seq"],
    "ix_events_object": ["object_id", "at", "seq"],
    "ix_events_time": ["at", "seq"],
}


def upgrade() -> None:
    """Apply."""
    for name, columns in _NOW.items():
        op.create_index(name, "events", columns)
    for column in _BEFORE:
        op.drop_index(f"ix_events_{column}", "events")
    op.create_table(
        "log_tiles",
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("level", "place", name=op.f("pk_log_tiles")),
    )
    op.create_table(
        "log_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_keys")),
        sa.UniqueConstraint("number", name=op.f("uq_log_keys_number")),
    )


def downgrade() -> None:
    """Take back; the worker makes the hashes again from the entries. A log whose key was changed cannot go back."""
    if op.get_bind().execute(sa.text("SELECT count(*) FROM log_keys")).scalar():
        raise RuntimeError("the log's key was changed: an older version could not check its checkpoints")
    op.drop_table("log_keys")
    op.drop_table("log_tiles")
    for column in _BEFORE:
        op.create_index(f"ix_events_{column}", "events", [column])
    for name in _NOW:
        op.drop_index(name, "events")
