"""Stories have numbers and can be found by their words; what leaves a feed is noted; tokens that only read."""

import sqlalchemy as sa
from alembic import op

from feeds.words import stems

revision = "0004"
down_revision = "0003"

Ulid = sa.String(26).with_variant(sa.String(26, collation="C"), "postgresql")

_BATCH = 500
_FTS5 = (
    """CREATE VIRTUAL TABLE story_words_index USING fts5(
        stems, content='story_words', content_rowid='number', columnsize=0, tokenize='unicode61 remove_diacritics 0'
    )""",
    """CREATE TRIGGER story_words_added AFTER INSERT ON story_words BEGIN
        INSERT INTO story_words_index(rowid, stems) VALUES (new.number, new.stems);
    END""",
    """CREATE TRIGGER story_words_removed AFTER DELETE ON story_words BEGIN
        INSERT INTO story_words_index(story_words_index, rowid, stems) VALUES ('delete', old.number, old.stems);
    END""",
)
_TSVECTOR = (
    "ALTER TABLE story_words ADD COLUMN vector tsvector GENERATED ALWAYS AS (to_tsvector('simple', stems)) STORED",
    "CREATE INDEX story_words_vector ON story_words USING gin (vector)",
)


def upgrade() -> None:
    connection = op.get_bind()
    op.create_table(
        "story_words",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("stems", sa.Text, nullable=False),
    )
    for statement in _FTS5 if connection.dialect.name == "sqlite" else _TSVECTOR:
        op.execute(sa.text(statement))
    _number_stories(connection)
    op.create_index("story_number", "story", ["number"], unique=True)
    op.create_index("story_live", "story", ["withdrawn", "id"])
    op.create_index("story_seq", "story", ["seq"])
    op.create_table(
        "departure",
        sa.Column("feed", sa.String(64), primary_key=True),
        sa.Column("story_id", Ulid, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.drop_index("report_source", "report")
    op.create_index("report_source", "report", ["source_id", "story_id"])
    _index_stories(connection)
    _count_stories()
    op.add_column("token", sa.Column("only_reads", sa.Boolean, nullable=False, server_default=sa.false()))


def _number_stories(connection: sa.Connection) -> None:
    op.add_column("story", sa.Column("number", sa.BigInteger, nullable=False, server_default="0"))
    op.execute(sa.text("UPDATE story SET number = coalesce((SELECT min(seq) FROM change WHERE change.story_id = story.id), seq)"))


def _index_stories(connection: sa.Connection) -> None:
    last = 0
    query = sa.text(
        "SELECT story.number, report.title, report.text FROM story JOIN report ON report.id = story.lead_report"
        " WHERE NOT story.withdrawn AND story.number > :last ORDER BY story.number LIMIT :most"
    )
    insert = sa.text("INSERT INTO story_words (number, stems) VALUES (:number, :stems)")
    while rows := connection.execute(query, {"last": last, "most": _BATCH}).all():
        connection.execute(insert, [{"number": row.number, "stems": " ".join(stems(f"{row.title}\n{row.text}"))} for row in rows])
        last = rows[-1].number


def _count_stories() -> None:
    op.add_column("feed", sa.Column("stories", sa.BigInteger, nullable=False, server_default="0"))
    for name, condition in (("all", "NOT withdrawn"), ("untagged", "untagged")):
        op.execute(sa.text(f"UPDATE feed SET stories = (SELECT count(*) FROM story WHERE {condition}) WHERE name = '{name}'"))  # noqa: S608
    chosen = "SELECT count(*) FROM story_topic WHERE story_topic.topic = feed.name AND chosen"
    op.execute(sa.text(f"UPDATE feed SET stories = ({chosen}) WHERE name NOT IN ('all', 'untagged')"))  # noqa: S608
