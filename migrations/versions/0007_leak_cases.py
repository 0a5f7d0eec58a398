"""Leak cases: pictures, look-ups, findings, notes, and names that two auditors open."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _of_body(name: str, *columns: sa.Column[object] | sa.Constraint, case: bool = True) -> None:
    """Create a table of one body's rows, of one case where it is not of cases itself."""
    foreign = {"entity_id": "entities.id", **({"case_id": "leak_cases.id"} if case else {})}
    op.create_table(
        name,
        sa.Column("id", sa.Uuid(), nullable=False),
        *(sa.Column(column, sa.Uuid(), nullable=False) for column in foreign),
        *columns,
        *(
            sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{name}_{column}"))
            for column, target in foreign.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
    )
    if case:
        op.create_index(op.f(f"ix_{name}_case_id"), name, ["case_id"])


def _person(name: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], ["employees.id"], name=op.f(f"fk_{name}_{column}"))


def _when(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    """Apply."""
    _of_body(
        "leak_cases",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("title_sealed", sa.LargeBinary(), nullable=True),
        _when("opened_at"),
        sa.Column("opened_by_id", sa.Uuid(), nullable=False),
        _when("closed_at", nullable=True),
        sa.Column("closed_by_id", sa.Uuid(), nullable=True),
        sa.Column("close_reason_sealed", sa.LargeBinary(), nullable=True),
        _person("leak_cases", "opened_by_id"),
        _person("leak_cases", "closed_by_id"),
        sa.UniqueConstraint("entity_id", "number", name=op.f("uq_leak_cases_entity_id_number")),
        case=False,
    )
    _of_body(
        "leak_images",
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        _when("added_at"),
        sa.Column("added_by_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["stored_files.id"], name=op.f("fk_leak_images_file_id")),
        _person("leak_images", "added_by_id"),
    )
    _of_body(
        "leak_look_ups",
        _when("asked_at"),
        sa.Column("asked_by_id", sa.Uuid(), nullable=False),
        sa.Column("letters", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("phase", sa.String(length=10), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("to_do", sa.Integer(), nullable=False),
        sa.Column("claim", sa.Uuid(), nullable=True),
        _when("lease_until", nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        _when("finished_at", nullable=True),
        sa.Column("trouble", sa.String(length=60), nullable=False),
        sa.Column("outcome_sealed", sa.LargeBinary(), nullable=True),
        _person("leak_look_ups", "asked_by_id"),
    )
    op.create_index("ix_leak_look_ups_waiting", "leak_look_ups", ["state", "lease_until"])
    _of_body(
        "leak_findings",
        sa.Column("look_up_id", sa.Uuid(), nullable=False),
        sa.Column("copy_id", sa.Uuid(), nullable=False),
        sa.Column("layers", sa.String(length=40), nullable=False),
        sa.Column("chance", sa.String(length=12), nullable=False),
        sa.Column("by_two", sa.Boolean(), nullable=False),
        _when("opened_at", nullable=True),
        sa.ForeignKeyConstraint(["look_up_id"], ["leak_look_ups.id"], name=op.f("fk_leak_findings_look_up_id")),
        sa.ForeignKeyConstraint(["copy_id"], ["issued_copies.id"], name=op.f("fk_leak_findings_copy_id")),
    )
    op.create_index(op.f("ix_leak_findings_look_up_id"), "leak_findings", ["look_up_id"])
    _of_body(
        "leak_name_requests",
        sa.Column("finding_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        _when("asked_at"),
        sa.Column("asked_by_id", sa.Uuid(), nullable=False),
        sa.Column("reason_sealed", sa.LargeBinary(), nullable=True),
        _when("decided_at", nullable=True),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.Column("answer_sealed", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["finding_id"], ["leak_findings.id"], name=op.f("fk_leak_name_requests_finding_id")),
        _person("leak_name_requests", "asked_by_id"),
        _person("leak_name_requests", "decided_by_id"),
    )
    op.create_index(op.f("ix_leak_name_requests_finding_id"), "leak_name_requests", ["finding_id"])
    _of_body(
        "leak_notes",
        sa.Column("kind", sa.String(length=10), nullable=False),
        _when("at"),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=True),
        _person("leak_notes", "by_id"),
    )
    op.create_table(
        "leak_name_policies",
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("by_two", sa.Boolean(), nullable=False),
        _when("changed_at"),
        sa.Column("changed_by_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_leak_name_policies_entity_id")),
        _person("leak_name_policies", "changed_by_id"),
        sa.PrimaryKeyConstraint("entity_id", name=op.f("pk_leak_name_policies")),
    )


def downgrade() -> None:
    """Take back; what stands in the cases is lost with it."""
    for name in ("leak_name_policies", "leak_notes", "leak_name_requests", "leak_findings", "leak_look_ups",
                 "leak_images", "leak_cases"):  # fmt: skip
        op.drop_table(name)
