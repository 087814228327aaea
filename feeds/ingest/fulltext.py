"""The full text of an article from its web page, where the feed gives only a teaser. The only place that knows trafilatura.

Pure: the page comes in as bytes. Whatever a page is, in doubt the feed's teaser stays as it was.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import lxml.html
from lxml import etree

from feeds.errors import InputError
from feeds.ingest import boilerplate, notices
from feeds.ingest.blocks import Block
from feeds.ingest.clearing import cleared, key
from feeds.ingest.html_blocks import html_blocks
from feeds.ingest.split import blocks_of, split
from feeds.ingest.webpage import Webpage, read_page
from feeds.model import Article
from feeds.text import clean_html, plain_line, web_url

# Words: a body of fewer is a teaser, and one of more is none, however it ends.
_SHORT = 60
_MODERATE = 200
# Characters of markup: nobody writes a teaser with so many, nor an article, nor a notice.
_LONGEST_TEASER = 50_000
_LONGEST_ARTICLE = 300_000
_LONGEST_NOTICE = 600

# Words: fewer are a caption or a notice, and among so few as fill a screen any prompt to pay is taken at its word.
_FEWEST = 40
_SCREENFUL = 150
# Words: a page must tell so many more than the feed, and a teaser have so many to be recognised by them alone.
_FEWEST_NEW = 10
_FEWEST_OWN = 12
# Of the longer words in title and teaser, the share that must stand in the text. Many a story of the seeds shares more with any
# other text of some length, so this only tells articles from notices; a short text must nearly hold the teaser.
_SHARED = 0.15
_SHARED_SHORT = 0.6
# Headings that are links: a page with so many is a list of articles.
_MOST_LEADS = 3
# Characters below a text among which a barrier stands that ends it.
_BELOW = 700

_CUT = re.compile(r"(?:\u2026|\.\.\.)[\])]?\W*$")
_TAIL = re.compile(
    r"\W*\b(?:(?:continue|keep) reading|(?:read|find out|learn|see) more|read (?:on|the (?:full|rest)\b[^.!?]{0,40}))\W*$", re.I
)
_SIGNED = re.compile(r"the post\b.{0,300}\b(?:appeared first|first appeared) on\b", re.I)

# What lies on top of a page (consent, registration, newsletters) or beside its text. Where there is little text, trafilatura would
# take it from there.
_BESIDE = "sidebar widget-area footer site-footer page-footer newsletter newsletter-signup related related-posts comments advert".split()
_PRUNED = [
    "//dialog | //*[@role='dialog' or @role='alertdialog' or @aria-modal='true']",
    *(
        f"//*[contains(concat(' ', normalize-space(@class), ' '), ' {name} ') or @id='{name}'][not(.//h1 | .//article | .//main)]"
        for name in _BESIDE
    ),
]


@dataclass(frozen=True, slots=True)
class _Main:
    """The main text of a page: clean HTML, and the paragraphs that will be read of it."""

    markup: str
    told: tuple[str, ...]

    @property
    def text(self) -> str:
        return " ".join(self.told)

    @property
    def words(self) -> int:
        return len(self.text.split())


def is_teaser(article: Article) -> bool:
    """Whether a feed's entry that leads to a web page tells only the beginning of what stands there."""
    if article.origin != "entry" or not web_url(article.url) or len(article.body) > _LONGEST_TEASER:
        return False
    blocks = blocks_of(article)
    words = sum(block.words for block in blocks if not boilerplate.is_mailing(block))
    if words >= _MODERATE or (words >= _SHORT and not _leads_on(blocks)):
        return False
    return len(split(article).stories) <= 1


def with_page(article: Article, page: bytes, content_type: str, url: str) -> tuple[Article, str | None]:
    """The article with the text of its page below the feed's teaser; or unchanged, and in plain words why.

    ``url`` is where the page was found after redirects. Of the teaser only what the page does not say is kept. The new
    body is clean HTML with absolute links.
    """
    try:
        found = read_page(page, content_type, url)
        main = _main(found, article.title)
        reason = _refusal(article, found, main)
        body = "" if reason else "\n".join([*_teaser(article, main), main.markup])
    except InputError as error:
        return article, str(error)
    except Exception:
        # On hostile markup lxml and trafilatura fail with errors of any kind.
        return article, "the page cannot be read"
    return (article, reason) if reason else (replace(article, body=body, is_html=True, base=url), None)


def _leads_on(blocks: Sequence[Block]) -> bool:
    """Whether a text breaks off, or asks at its end to be followed."""
    told = [block for block in blocks if block.text]
    if not told:
        return True
    last = told[-1].text
    link = told[-1].links[-1].text if told[-1].links else ""
    return (
        boilerplate.is_more(last)
        or (last.endswith(link) and boilerplate.is_more(link))
        or bool(_SIGNED.match(last) or _TAIL.search(last[-200:]) or _CUT.search(last[-20:]))
    )


def _main(page: Webpage, title: str) -> _Main:
    main = _Main("", ())
    # Its second thoughts find text in odd markup, but also prefer much text beside an article to the article.
    for fast in (True, False):
        main = _read(_extracted(page.tree, fast=fast), title)
        if main.words >= _FEWEST:
            break
    return main


def _read(found: Iterable[lxml.html.HtmlElement], title: str) -> _Main:
    parts = [part for part in found if not _is_dress(part, title)]
    markup = clean_html("\n".join(etree.tostring(part, encoding="unicode", with_tail=False) for part in parts))
    if len(markup) > _LONGEST_ARTICLE:
        raise InputError("the text of the page is longer than any article")
    lines, _ = cleared(html_blocks(markup))
    return _Main(markup, tuple(line.block.text for line in lines if line.block.text and not line.more))


def _extracted(tree: lxml.html.HtmlElement, *, fast: bool) -> Iterable[lxml.html.HtmlElement]:
    """The paragraphs, headings, lists, tables and quotations that trafilatura takes for the main text."""
    # It brings 18 MB of libraries, which only the processes that read pages need.
    import trafilatura

    # What it has to say of odd pages is nothing that an operator could act on.
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    markup = trafilatura.extract(
        tree,
        output_format="html",
        fast=fast,
        favor_precision=True,
        include_comments=False,
        include_formatting=True,
        include_links=True,
        prune_xpath=_PRUNED,
    )
    return lxml.html.document_fromstring(markup).body if markup else ()


def _is_dress(part: lxml.html.HtmlElement, title: str) -> bool:
    """Whether a paragraph is a notice, or the headline once more."""
    text = plain_line(part.text_content())
    return key(text) == key(title) or (len(text) < _LONGEST_NOTICE and (notices.asks_consent(text) or notices.ends_early(text)))


def _refusal(article: Article, page: Webpage, main: _Main) -> str | None:
    """Why the main text of a page is not taken for the article."""
    words = main.words
    if not page.is_free or notices.ends_early(_below(page.seen, main)):
        return notices.SUBSCRIPTION
    if "LiveBlogPosting" in page.kinds:
        return "the page is a live blog, which goes on changing"
    named = notices.named(page.names[0]) if page.names else None
    if named and not notices.named(article.title):
        return named
    notice = notices.instead(page.seen) if words < _SCREENFUL else None
    if notice and (words < _FEWEST or notice in (notices.SUBSCRIPTION, notices.LOGIN)):
        return notice
    if words < _FEWEST:
        return "the page is a list of other articles" if page.leads >= _MOST_LEADS else "the page has no article text"
    if not _is_about(article, page, main):
        return notice or notices.instead(main.text) or "the page is about something else"
    if words <= sum(block.words for block in blocks_of(article)) + _FEWEST_NEW:
        return "the page says no more than the feed"
    return None


def _below(seen: str, main: _Main) -> str:
    """What stands below the last paragraph of the main text; the whole page if that is not found."""
    last = main.told[-1][-80:] if main.told else ""
    at = seen.rfind(last) if last else -1
    return seen[at + len(last) :][:_BELOW] if at >= 0 else seen


def _is_about(article: Article, page: Webpage, main: _Main) -> bool:
    """Whether the page bears the entry's title and uses its words, or else tells all of its teaser and is no list of articles."""
    teaser = key(" ".join(_without_tail(block.text) for block in blocks_of(article)))
    subject = _stems(f"{article.title} {teaser}")
    shared = _SHARED if main.words >= _SCREENFUL else _SHARED_SHORT
    if any(_bears(name, article.title) for name in page.names) and len(subject & _stems(main.text)) >= shared * len(subject):
        return True
    return len(teaser.split()) >= _FEWEST_OWN and teaser in key(main.text) and page.leads < _MOST_LEADS


def _bears(name: str, title: str) -> bool:
    """Whether a page's name is an entry's title, though perhaps shortened or with the site's name."""
    stems = _stems(title)
    return key(title) in key(name) or 0 < len(stems) <= 2 * len(stems & _stems(name))


def _teaser(article: Article, main: _Main) -> Iterator[str]:
    """The paragraphs of the teaser that the main text does not hold."""
    said = key(main.text)
    for block in blocks_of(article):
        text = _without_tail(block.text)
        if block.html and not _SIGNED.match(block.text) and (not block.text or key(text) not in said):
            yield block.html if block.kind == "table" else f"<p>{block.html}</p>"


def _without_tail(text: str) -> str:
    """A teaser's text without the words that lead on from it."""
    return text[:-200] + _TAIL.sub("", text[-200:])


def _stems(text: str) -> set[str]:
    """The beginnings of words long enough to carry meaning, so that a word in the plural is the same word."""
    return {word[:5] for word in re.findall(r"\w{5,}", text.casefold())}
