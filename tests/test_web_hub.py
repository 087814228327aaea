"""Our hub takes subscriptions as W3C WebSub section 5 says, and the feeds name it."""

from __future__ import annotations

import json

import pytest
from pushing import DAY, FINANCE, HUB, ask, client_of, subscribers
from website import ATOM, BASE, Site, atom, texts

from feeds.store import subscribers as module

CALLBACK = "https://reader.example/cb?id=7"


# ---------------------------------------------------------------- discovery


def test_every_feed_names_its_hub_and_itself_in_header_and_body(site: Site) -> None:
    client = client_of(site)
    for path in ("/feeds/finance", "/feeds/all", "/feeds/finance+workforce"):
        for suffix in ("atom", "rss", "json"):
            response = client.get(f"{path}.{suffix}?q=deficit")
            address = f"{BASE}{path}.{suffix}?q=deficit"
            links = response.headers["Link"].split(", ")
            assert f'<{HUB}>; rel="hub"' in links
            assert any(link.startswith(f'<{address}>; rel="self"') for link in links)
            if suffix == "json":
                told = json.loads(response.data)
                assert (told["hubs"], told["feed_url"]) == ([{"type": "WebSub", "url": HUB}], address)
            else:
                links_of = "(/a:feed|/rss/channel)/*[local-name()='link'][@rel='{}']/@href"
                root = atom(response.data)
                found = [root.xpath(links_of.format(relation), namespaces=ATOM) for relation in ("hub", "self")]
                assert found == [[HUB], [address]]


def test_the_link_is_also_on_answers_without_a_body(site: Site) -> None:
    client = client_of(site)
    etag = client.get("/feeds/all.atom").headers["ETag"]
    for response in (client.head("/feeds/all.atom"), client.get("/feeds/all.atom", headers={"If-None-Match": etag})):
        assert f'<{HUB}>; rel="hub"' in response.headers["Link"]
    assert response.status_code == 304


@pytest.mark.parametrize(
    ("path", "is_told"),
    [
        ("/feeds/finance.atom", True),
        ("/feeds/all.json", True),
        ("/feeds/finance+workforce.atom", False),
        ("/feeds/all.rss?q=deficit", False),
        ("/feeds/all.atom?limit=7", False),
    ],
)
def test_an_outside_hub_is_named_by_those_feeds_of_which_it_is_told(site: Site, path: str, is_told: bool) -> None:
    hub = "https://hub.example.net/"
    response = client_of(site, hub).get(path)
    assert (f'<{hub}>; rel="hub"' in response.headers["Link"], hub in response.text) == (is_told, is_told)


@pytest.mark.parametrize("suffix", ["atom", "rss", "json"])
def test_archive_documents_and_sites_without_a_hub_name_none(site: Site, suffix: str) -> None:
    archive = f"/feeds/all.{suffix}?before={site.ids()['Owls nest at the infirmary']}"
    for response in (client_of(site).get(archive), client_of(site, hub=None).get(f"/feeds/all.{suffix}")):
        assert response.status_code == 200
        assert "hub" not in response.headers["Link"]
        assert HUB not in response.text


# ---------------------------------------------------------------- requests


def test_a_subscription_is_noted_to_be_verified(site: Site) -> None:
    client = client_of(site)
    form = {"hub.mode": "subscribe", "hub.topic": FINANCE, "hub.callback": CALLBACK, "hub.secret": "ß", "hub.unknown": "ignored"}

    response = client.post("/hub", data=form)

    assert (response.status_code, response.mimetype) == (202, "text/plain")
    (asked,) = subscribers(site)
    assert (asked["state"], asked["callback"], asked["topic"], asked["secret"]) == ("asked", CALLBACK, FINANCE, "ß")
    assert (asked["feed"], asked["suffix"], asked["lease"]) == ("finance", "atom", 10 * DAY)
    assert f'"{asked["etag"]}"' == client.get("/feeds/finance.atom").headers["ETag"]
    assert asked["seq"] == site.store.stories.last_change().seq


@pytest.mark.parametrize(
    ("wanted", "given"),
    [("1", DAY), ("86401", 86_401), ("2592000", 30 * DAY), ("99999999999", 30 * DAY), ("0", 10 * DAY)],
)
def test_a_lease_holds_from_a_day_to_thirty_days(site: Site, wanted: str, given: int) -> None:
    assert ask(client_of(site), CALLBACK, lease_seconds=wanted) == 202
    assert [row["lease"] for row in subscribers(site)] == [given]


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("/feeds/finance+workforce.rss", ("finance+workforce", "rss", "", None, 0.0, 50)),
        ("/feeds/all.json?source=1&min_confidence=0.8&limit=5", ("all", "json", "", 1, 0.8, 5)),
        ("/feeds/untagged.atom?q=bed%20blocking", ("untagged", "atom", "bed blocking", None, 0.0, 50)),
    ],
)
def test_every_feed_can_be_subscribed_to_by_its_address(site: Site, address: str, told: tuple[object, ...]) -> None:
    assert ask(client_of(site), CALLBACK, BASE + address) == 202
    (asked,) = subscribers(site)
    assert asked["topic"] == BASE + address
    assert tuple(asked[name] for name in ("feed", "suffix", "words", "source", "min_confidence", "most")) == told


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        *(({f"hub.{name}": None}, f"hub.{name} is missing") for name in ("mode", "topic", "callback")),
        ({"hub.mode": "publish"}, "hub.mode must be subscribe or unsubscribe"),
        *(
            ({"hub.callback": address}, "hub.callback must be an http or https address")
            for address in (
                "ftp://a.example/",
                "https://u:p@a.example/",
                "https://a.example/#x",
                "//a.example",
                "https://a b/",
                "https://a.example:65536/",
                "https://a.example:0/",
                "https://2130706433/",
                "https://127.1/",
                "https://1.2.3.4.5/",
                "https://1.2.3.256/",
                "https://1.2.3.4./",
                "https://.../",
                f"https://a.example/{'x' * 2000}",
                "",
            )
        ),
        *(
            ({"hub.topic": address}, "hub.topic must be the address of one of our feeds")
            for address in (
                "https://elsewhere.example/feeds/finance.atom",
                f"{BASE}/feeds/nosuch.atom",
                f"{BASE}/feeds/finance.xml",
                f"{BASE}/feeds/sources-health.atom",
                f"{BASE}.evil.example/feeds/finance.atom",
                f"{BASE}/feeds/finance.atom?limit=0",
                f"{BASE}/feeds/finance.atom#x",
                f"{BASE}/",
                "/feeds/finance.atom",
                f"{FINANCE}\0",
            )
        ),
        ({"hub.topic": f"{FINANCE}?before={'0' * 26}"}, "not one of its archive documents"),
        ({"hub.lease_seconds": "-1"}, "hub.lease_seconds must be a whole number"),
        ({"hub.lease_seconds": "soon"}, "hub.lease_seconds must be a whole number"),
        ({"hub.secret": "x" * 200}, "hub.secret must be shorter than 200 bytes"),
        ({"hub.secret": "ß" * 100}, "hub.secret must be shorter than 200 bytes"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_in_plain_words(site: Site, changed: dict[str, str | None], complaint: str) -> None:
    form = {"hub.mode": "subscribe", "hub.topic": FINANCE, "hub.callback": CALLBACK} | changed
    response = client_of(site).post("/hub", data={name: value for name, value in form.items() if value is not None})
    assert (response.status_code, response.mimetype) == (400, "text/plain")
    assert complaint in response.text
    assert subscribers(site) == []


@pytest.mark.parametrize("address", ["https://a.example:65535/", "http://255.255.255.255/", "https://1.2.3.4.example/", "https://1a/"])
def test_callbacks_may_be_anywhere_that_can_be(site: Site, address: str) -> None:
    assert ask(client_of(site), address) == 202


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("/feeds/finance.atom?color=red", "/feeds/finance.atom"),
        ("/feeds/finance.atom?", "/feeds/finance.atom"),
        ("/feeds/finance.atom?limit=50", "/feeds/finance.atom"),
        ("/feeds/workforce+finance.atom", "/feeds/finance+workforce.atom"),
        ("/feeds/finance%2Bworkforce.rss", "/feeds/finance+workforce.rss"),
        ("/feeds/all.json?q=bed+blocking", "/feeds/all.json?q=bed%20blocking"),
        ("/feeds/all.atom?limit=5&q=beds", "/feeds/all.atom?q=beds&limit=5"),
    ],
)
def test_a_feed_has_one_address_and_is_told_to_who_writes_it_in_another_way(site: Site, asked: str, meant: str) -> None:
    form = {"hub.mode": "subscribe", "hub.topic": BASE + asked, "hub.callback": CALLBACK}
    response = client_of(site).post("/hub", data=form)
    assert response.status_code == 400
    assert f"as its rel=self link gives it; this one's is {BASE}{meant}" in response.text.split("\n")[0]
    assert ask(client_of(site), CALLBACK, BASE + meant) == 202


def test_a_secret_of_199_bytes_is_taken(site: Site) -> None:
    assert ask(client_of(site), CALLBACK, secret="x" * 199) == 202


def test_other_forms_of_a_request_are_refused(site: Site) -> None:
    client = client_of(site)
    assert client.post("/hub", json={"hub.mode": "subscribe"}).status_code == 415
    assert client.get("/hub").status_code == 405


@pytest.mark.parametrize("hub", [None, "https://hub.example.net/"])
def test_a_site_whose_hub_is_elsewhere_takes_no_subscriptions(site: Site, hub: str | None) -> None:
    assert ask(client_of(site, hub), CALLBACK) == 404
    assert subscribers(site) == []


def test_a_full_hub_says_so(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_of(site)
    assert ask(client, CALLBACK) == 202
    monkeypatch.setattr(module, "MOST", 0)
    assert ask(client, CALLBACK) == 403
    assert len(subscribers(site)) == 1


def test_whoever_never_subscribed_may_leave(site: Site) -> None:
    assert ask(client_of(site), CALLBACK, mode="unsubscribe") == 202
    assert subscribers(site) == []


def test_the_atom_document_is_as_before_but_for_its_hub(site: Site) -> None:
    with_hub, without = (atom(client_of(site, hub).get("/feeds/all.atom").data) for hub in (HUB, None))
    assert set(texts(with_hub, "a:link/@rel")) - set(texts(without, "a:link/@rel")) == {"hub"}
