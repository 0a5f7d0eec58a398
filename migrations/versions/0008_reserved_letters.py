"""Letters reserved for named readers: their keys, the sealed letter, who can open it."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def _foreign(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}"))


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "reading_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("employee_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("public", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        _foreign("reading_keys", "entity_id", "entities"),
        _foreign("reading_keys", "employee_id", "employees"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reading_keys")),
    )
    op.create_index(op.f("ix_reading_keys_entity_id"), "reading_keys", ["entity_id"])
    op.create_index(op.f("ix_reading_keys_employee_id"), "reading_keys", ["employee_id"])
    op.create_table(
        "reservations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("letter_id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("employee_id", sa.Uuid(), nullable=True),
        sa.Column("reserved_at", sa.DateTime(timezone=True), nullable=False),
        _foreign("reservations", "entity_id", "entities"),
        _foreign("reservations", "letter_id", "letters"),
        _foreign("reservations", "file_id", "stored_files"),
        _foreign("reservations", "employee_id", "employees"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reservations")),
        sa.UniqueConstraint("letter_id", name=op.f("uq_reservations_letter_id")),
    )
    op.create_index(op.f("ix_reservations_entity_id"), "reservations", ["entity_id"])
    op.create_table(
        "reader_wraps",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reservation_id", sa.Uuid(), nullable=False),
        sa.Column("reading_key_id", sa.Uuid(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("given_by_id", sa.Uuid(), nullable=True),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        _foreign("reader_wraps", "reservation_id", "reservations"),
        _foreign("reader_wraps", "reading_key_id", "reading_keys"),
        _foreign("reader_wraps", "given_by_id", "employees"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reader_wraps")),
        sa.UniqueConstraint(
            "reservation_id", "reading_key_id", name=op.f("uq_reader_wraps_reservation_id_reading_key_id")
        ),
    )
    op.create_index(op.f("ix_reader_wraps_reading_key_id"), "reader_wraps", ["reading_key_id"])


def downgrade() -> None:
    """Take back; nobody opens the reserved letters any more."""
    for name in ("reader_wraps", "reservations", "reading_keys"):
        op.drop_table(name)
