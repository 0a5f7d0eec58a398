"""Issued copies say what left and by which key it is marked; the keys of the hidden marks, one a month."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; of earlier copies the hash of what left is not known and is said to be the original's."""
    op.create_table(
        "mark_keys",
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("month", name=op.f("pk_mark_keys")),
    )
    with op.batch_alter_table("issued_copies", schema=None) as batch_op:
        batch_op.add_column(sa.Column("issued_hash", sa.LargeBinary(length=32), nullable=True))
        batch_op.add_column(sa.Column("letter_version", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("on_behalf_of_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("mark_key", sa.String(length=7), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("mark_version", sa.Integer(), nullable=False, server_default="0"))
    op.execute("UPDATE issued_copies SET issued_hash = content_hash")
    with op.batch_alter_table("issued_copies", schema=None) as batch_op:
        batch_op.alter_column("issued_hash", existing_type=sa.LargeBinary(length=32), nullable=False)
        batch_op.alter_column("letter_version", existing_type=sa.Integer(), server_default=None)
        batch_op.alter_column("mark_key", existing_type=sa.String(length=7), server_default=None)
        batch_op.alter_column("mark_version", existing_type=sa.Integer(), server_default=None)
        batch_op.create_foreign_key(
            batch_op.f("fk_issued_copies_on_behalf_of_id"), "employees", ["on_behalf_of_id"], ["id"]
        )


def downgrade() -> None:
    """Take back; hidden marks can then no longer be read."""
    with op.batch_alter_table("issued_copies", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_issued_copies_on_behalf_of_id"), type_="foreignkey")
        for column in ("mark_version", "mark_key", "on_behalf_of_id", "letter_version", "issued_hash"):
            batch_op.drop_column(column)
    op.drop_table("mark_keys")
