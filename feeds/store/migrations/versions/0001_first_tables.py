"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

Ulid = sa.String(26).with_variant(sa.String(26, collation="C"), "postgresql")
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "meta",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "source",
        sa.Column("id", BigId, primary_key=True, autoincrement=True),
        sa.Column("url", sa.Text, nullable=False, unique=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("folder", sa.Text, nullable=False),
        sa.Column("home_url", sa.Text),
        sa.Column("etag", sa.Text),
        sa.Column("last_modified", sa.Text),
        sa.Column("body_hash", sa.String(32)),
        sa.Column("next_poll", sa.BigInteger),
        sa.Column("lease_until", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("lease_token", sa.String(26)),
        sa.Column("last_polled", sa.BigInteger),
        sa.Column("last_success", sa.BigInteger),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("error", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_index("source_due", "source", ["next_poll"])
    op.create_table(
        "article",
        sa.Column("id", Ulid, primary_key=True),
        sa.Column("source_id", BigId, sa.ForeignKey("source.id", ondelete="CASCADE"), nullable=False),
        sa.Column("guid", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.String(32), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("url", sa.Text),
        sa.Column("author", sa.Text),
        sa.Column("published", sa.BigInteger),
        sa.Column("first_seen", sa.BigInteger, nullable=False),
        sa.Column("doubt", sa.Text),
        sa.UniqueConstraint("source_id", "guid"),
    )
    op.create_table(
        "story",
        sa.Column("id", Ulid, primary_key=True),
        sa.Column("lead_report", Ulid, nullable=False),
        sa.Column("first_seen", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("untagged", sa.Boolean, nullable=False),
        sa.Column("withdrawn", sa.Boolean, nullable=False, server_default=sa.false()),
    )
    op.create_index("story_untagged", "story", ["untagged", "id"])
    op.create_index("story_first_seen", "story", ["first_seen"])
    op.create_table(
        "report",
        sa.Column("id", Ulid, primary_key=True),
        sa.Column("story_id", Ulid, sa.ForeignKey("story.id", ondelete="CASCADE"), nullable=False),
        sa.Column("article_id", Ulid, sa.ForeignKey("article.id", ondelete="CASCADE"), nullable=False),
        sa.Column("source_id", BigId, sa.ForeignKey("source.id", ondelete="CASCADE"), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("of", sa.Integer, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("html", sa.Text, nullable=False),
        sa.Column("url", sa.Text),
        sa.Column("link_key", sa.Text),
        sa.Column("text_key", sa.String(32)),
    )
    for name, column in (
        ("report_story", "story_id"),
        ("report_article", "article_id"),
        ("report_link", "link_key"),
        ("report_text", "text_key"),
        ("report_source", "source_id"),
    ):
        op.create_index(name, "report", [column])
    op.create_table(
        "story_topic",
        sa.Column("story_id", Ulid, sa.ForeignKey("story.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("topic", sa.String(64), primary_key=True),
        sa.Column("confidence", sa.Float, nullable=False),
        sa.Column("chosen", sa.Boolean, nullable=False),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("evidence", sa.JSON, nullable=False),
    )
    op.create_index("story_topic_latest", "story_topic", ["topic", "chosen", "story_id"])
    op.create_table(
        "change",
        sa.Column("seq", BigId, primary_key=True, autoincrement=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("story_id", Ulid, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "feed",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
    )
