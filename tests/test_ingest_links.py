"""Links through click trackers: seen through where the target stands in them, left alone where it does not."""

from __future__ import annotations

import base64
import json
import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.ingest.links import detracked
from feeds.ingest.split import split
from feeds.model import Article
from feeds.text import web_url

TARGET = "https://www.example.org/news/beds?page=2&view=all"
QUOTED = "https%3A%2F%2Fwww.example.org%2Fnews%2Fbeds%3Fpage%3D2%26view%3Dall"


def coded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "link",
    [
        f"https://eur01.safelinks.protection.outlook.com/?url={QUOTED}&data=05%7C01%7Cada%40example.org&sdata=xyz%3D&reserved=0",
        f"https://www.google.com/url?q={QUOTED}&sa=D&usg=abc",
        f"https://www.google.co.uk/url?sa=t&url={QUOTED}",
        f"https://www.youtube.com/redirect?event=x&q={QUOTED}",
        f"https://l.facebook.com/l.php?u={QUOTED}&h=abc",
        f"https://urldefense.proofpoint.com/v1/url?u={QUOTED}&k=1",
        "https://urldefense.proofpoint.com/v2/url?u=https-3A__www.example.org_news_beds-3Fpage-3D2-26view-3Dall&d=DwMFaQ&c=x&r=y",
        "https://urldefense.com/v3/__https://www.example.org/news/beds?page=2&view=all__;!!AbC!xyz$",
        # The characters "?" and "&" were taken out; base64 of them is PyY.
        "https://urldefense.com/v3/__https://www.example.org/news/beds*page=2*view=all__;PyY!!AbC!xyz$",
        # The five characters "news/" were taken out as one run; the letter D stands for five.
        "https://urldefense.us/v3/__https:/www.example.org/**Dbeds?page=2&view=all__;bmV3cy8!!AbC!xyz$",
        f"https://linkprotect.example.net/url?a={QUOTED}&c=E,1",
        f"https://click.example.net/?u={QUOTED}",
        f"https://click.mail.example.net/ck?id=7&URL={QUOTED}",
        f"https://example.net/newsletter/track.php?m=1&target={QUOTED}",
        f"https://example.net/redirect?redirect={QUOTED}",
        f"https://e.example.net/?to={QUOTED}",
        f"https://click.example.net/?u={quote(QUOTED, safe='')}",
        f"https://click.example.net/?id=5&url={TARGET}",
        f"https://links-2.govdelivery.com/CL0/{QUOTED}/1/010001876/abc=123",
        f"https://links.govdelivery.com/track?type=click&enid=ZWFzPTE&&&101&&&{TARGET}",
        f"https://x7.r.us-east-1.awstrack.me/L0/{QUOTED}/1/0100-000000/sig=9",
        f"https://secure-web.cisco.com/1aBcDeF/{QUOTED}",
        f"https://click.example.net/r/7/{TARGET}",
        f"https://protect.checkpoint.com/v2/___{TARGET}___.YXAz",
        f"https://x.mjt.example/lnk/AbC/1/{coded(TARGET)}",
        f"https://link.example.net/click/123.4/{coded(TARGET)}/5f0Bsig",
        f"https://example.net/c?d={coded(TARGET)}&s=1",
        f"https://example.net/redirect/2/{coded(json.dumps({'e': TARGET, 't': 1}))}",
        f"https://lnks.example.net/l/eyJhbGciOiJIUzI1NiJ9.{coded(json.dumps({'uri': 'bp2:click', 'url': TARGET}))}.sig/s/1",
        f"https://example.net/track/click/3/x?p={coded(json.dumps({'s': 'x', 'p': json.dumps({'v': 1, 'url': TARGET})}))}",
        f"https://click.example.net/?u={quote('https://links.example.com/go?url=' + QUOTED, safe='')}",
    ],
)
def test_a_link_that_holds_its_target_leads_there(link: str) -> None:
    assert detracked(link) == TARGET


@pytest.mark.parametrize(
    "link",
    [
        TARGET,
        "",
        "no address",
        "mailto:ada@example.org?body=" + QUOTED,
        "https://[broken",
        # The target is not in the link.
        "https://click.example.net/ls/click?upn=u001.AbCdEf-2BGhI",
        "https://example.list-manage.com/track/click?u=0f1e2d3c4b&id=5a6b&e=7c8d",
        "https://links.example.net/a/click?_t=aHR0&_m=b",
        # The address in the link is not where it leads.
        f"https://www.facebook.com/sharer/sharer.php?u={QUOTED}",
        f"https://www.linkedin.com/shareArticle?mini=true&url={QUOTED}",
        f"https://twitter.com/intent/tweet?url={QUOTED}&text=x",
        f"https://x.com/share?url={QUOTED}",
        f"https://t.me/share/url?url={QUOTED}",
        f"https://www.reddit.com/submit?url={QUOTED}",
        f"https://share.example.net/go?url={QUOTED}",
        f"https://web.archive.org/web/2017/{TARGET}",
        f"https://archive.ph/r/{TARGET}",
        f"https://validator.example.net/redirect?url={QUOTED}",
        f"https://translate.google.com/translate?sl=en&u={QUOTED}",
        f"https://login.example.net/redirect?url={QUOTED}",
        f"https://example.net/login?redirect={QUOTED}",
        f"https://example.net/track/signin?url={QUOTED}",
        f"https://example.net/news?back={coded(TARGET)}",
        f"https://www.google.com/search?q={QUOTED}",
        f"https://go.example.net/webinar?redirect={QUOTED}",
        f"https://example.net/article?url={QUOTED}",
        # What they lead to is no web address.
        "https://click.example.net/?u=javascript%3Aalert(1)",
        "https://click.example.net/?u=ftp%3A%2F%2Fexample.org%2F",
        "https://click.example.net/?u=https%3A%2F%2F%2Fpath",
        "https://click.example.net/?u=https%3A%2F%2Fexample.org%2F%22onclick",
        "https://click.example.net/?u=//example.org/",
        f"https://click.example.net/{coded('javascript:alert(1)')}",
    ],
)
def test_every_other_link_stays_as_it_is(link: str) -> None:
    assert detracked(link) == link


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("https://click.example.net/?u=https%3A%2F%2Fexample.org%2Fmy%20paper.pdf", "https://example.org/my%20paper.pdf"),
        ("https://click.example.net/?u=https%3A%2F%2Fexample.org%2Fa#part-2", "https://example.org/a#part-2"),
        ("https://click.example.net/?u=https%3A%2F%2Fexample.org%2Fa%23part-1#x", "https://example.org/a#part-1"),
        ("https://click.example.net/?u=https://example.org/a&id=5", "https://example.org/a"),
        ("https://click.example.net/?u=https%3A%2F%2Fexample.org%2F%3Fq%3Da%2Bb", "https://example.org/?q=a+b"),
        (
            "https://click.example.net/?u=https%3A%2F%2Ft.me%2Fshare%2Furl%3Furl%3Dhttps%253A%252F%252Fexample.org",
            "https://t.me/share/url?url=https%3A%2F%2Fexample.org",
        ),
    ],
)
def test_the_target_is_whole_and_no_more_than_that(link: str, target: str) -> None:
    assert detracked(link) == target


def test_only_a_few_layers_are_taken_off() -> None:
    link = TARGET
    for _ in range(8):
        link = f"https://click.example.net/?u={quote(link, safe='')}"
    left = detracked(link)
    assert left.startswith("https://click.example.net/")
    assert detracked(left) == TARGET


PIECES = st.sampled_from(
    "https://|click.|example.org|/|?|&|=|u=|url=|%3A|%2F|%|http%3A%2F%2F|urldefense.com/v3/__|__;|**A|*|!|eyJ|aHR0cHM6Ly9h|&&&|[|]|@|:|#|\0|é|\ud800".split(
        "|"
    )
)


@given(st.lists(PIECES | st.text(max_size=3), max_size=20).map("".join))
def test_any_text_gives_itself_or_a_web_address(text: str) -> None:
    found = detracked(text)
    assert found == text or web_url(found) == found


@pytest.mark.parametrize("piece", ["&", "/x", "eyJ.", "u=https://x?&", "%25", "aHR0cHM6Ly.9/", "**A", "__;"])
def test_a_hostile_link_takes_no_time(piece: str) -> None:
    started = time.process_time()
    for start in ("https://click.example.net/?", "https://click.example.net/", "https://urldefense.com/v3/__"):
        detracked(start + piece * (7900 // len(piece)))
        detracked(start + piece * 1_000_000)
    assert time.process_time() - started < 1


@pytest.mark.parametrize("is_html", [True, False])
def test_stories_link_straight_to_what_they_tell_of(is_html: bool) -> None:
    tracked = f"https://click.example.net/?u={QUOTED}"
    link = f'<a href="{tracked}">The report in full</a>' if is_html else f"The report: {tracked}"
    words = "Trusts closed a hundred beds last winter, the board said in a report that was published on Monday."
    text = (
        f"<h1>Beds are closing</h1><p>{words}</p><p>{words} {link}</p>" if is_html else f"Beds are closing\n\n{words}\n\n{words} {link}\n"
    )

    (story,) = split(Article("1", "Beds are closing", text, is_html, "letter")).stories

    assert story.url == TARGET
    assert "click.example.net" not in story.html + story.text
    assert f'href="{TARGET.replace("&", "&amp;")}"' in story.html


def test_links_in_a_table_of_figures_are_seen_through_and_its_other_links_kept() -> None:
    cells = f'<tr><th>Trust</th><th>Beds</th></tr><tr><td><a href="https://click.example.net/?u={QUOTED}">North</a></td><td>7</td></tr>'
    mail = '<tr><td><a href="mailto:ada@example.org">South</a></td><td>8</td></tr>'
    (story,) = split(Article("1", "Beds", f"<h1>Beds</h1><p>The figures are out.</p><table>{cells}{mail}</table>", True, "letter")).stories

    assert f'href="{TARGET.replace("&", "&amp;")}"' in story.html
    assert 'href="mailto:ada@example.org"' in story.html
    assert "click.example.net" not in story.html
