"""Keys that rotate and are destroyed: when versions were retired, the head of all keys, certificates of destruction."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("entity_keys", schema=None) as batch_op:
        batch_op.add_column(sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("forgotten_at", sa.DateTime(timezone=True), nullable=True))
    heads = op.create_table(
        "key_heads",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("vault_id", sa.LargeBinary(length=16), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_key_heads")),
    )
    op.bulk_insert(heads, [{"id": 1, "epoch": 1, "vault_id": None}])
    op.create_table(
        "destructions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("letter_id", sa.Uuid(), nullable=True),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("order_number", sa.String(length=60), nullable=False),
        sa.Column("paths", sa.LargeBinary(), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("employee_id", sa.Uuid(), nullable=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["employee_id"], ["employees.id"], name=op.f("fk_destructions_employee_id")),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_destructions_entity_id")),
        sa.ForeignKeyConstraint(["letter_id"], ["letters.id"], name=op.f("fk_destructions_letter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_destructions")),
    )
    with op.batch_alter_table("destructions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_destructions_entity_id"), ["entity_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_destructions_letter_id"), ["letter_id"], unique=False)


def downgrade() -> None:
    """Take back; refused while something lies under a vault, or a key version was forgotten."""
    connection = op.get_bind()
    kept = connection.execute(sa.text("SELECT vault_id FROM key_heads WHERE vault_id IS NOT NULL")).first()
    forgotten = connection.execute(sa.text("SELECT id FROM entity_keys WHERE forgotten_at IS NOT NULL")).first()
    if kept or forgotten:
        raise RuntimeError("older versions cannot read what lies under the vault or a forgotten key")
    op.drop_table("destructions")
    op.drop_table("key_heads")
    with op.batch_alter_table("entity_keys", schema=None) as batch_op:
        batch_op.drop_column("forgotten_at")
        batch_op.drop_column("retired_at")
