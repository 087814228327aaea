"""When and why sources are polled, what happened to them, their raw documents, and newsletters that come by mail."""

from urllib.parse import urlsplit

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for column in (
        sa.Column("host", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("interval", sa.BigInteger),
        sa.Column("full_text", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("carrier", BigId),
        sa.Column("reason", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("last_new", sa.BigInteger),
        sa.Column("usual_gap", sa.BigInteger),
        sa.Column("ttl", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("skip_hours", sa.Integer, nullable=False, server_default="0"),
        sa.Column("skip_days", sa.Integer, nullable=False, server_default="0"),
        sa.Column("failing_since", sa.BigInteger),
        sa.Column("stopped", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("moved_to", sa.Text),
        sa.Column("moved_times", sa.Integer, nullable=False, server_default="0"),
        sa.Column("silent_since", sa.BigInteger),
        sa.Column("silence", sa.Text),
    ):
        op.add_column("source", column)
    op.create_index("source_carrier", "source", ["carrier"])
    op.create_index("article_latest", "article", ["source_id", "first_seen"])
    source = sa.table("source", *(sa.column(name) for name in ("id", "url", "host", "failures", "failing_since", "last_polled")))
    connection = op.get_bind()
    for row in connection.execute(sa.select(source.c.id, source.c.url)).all():
        connection.execute(source.update().where(source.c.id == row.id).values(host=urlsplit(row.url).hostname or ""))
    connection.execute(source.update().where(source.c.failures > 0).values(failing_since=source.c.last_polled))
    op.create_table(
        "entry_marks",
        sa.Column("source_id", BigId, sa.ForeignKey("source.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("marks", sa.Text, nullable=False),
    )
    op.create_table(
        "raw",
        sa.Column("id", BigId, primary_key=True, autoincrement=True),
        sa.Column("source_id", BigId, sa.ForeignKey("source.id", ondelete="CASCADE"), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("content_type", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("raw_source", "raw", ["source_id"])
    op.create_index("raw_at", "raw", ["at"])
    op.create_table(
        "source_event",
        sa.Column("id", BigId, primary_key=True, autoincrement=True),
        sa.Column("source_id", BigId, sa.ForeignKey("source.id", ondelete="CASCADE"), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("source_event_source", "source_event", ["source_id"])
