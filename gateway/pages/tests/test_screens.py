"""Every screen: whole, with its landmarks, and standing when one of the owners is away."""

import pytest

from gateway.pages.tests.browsing import Browser, PageReader
from gateway.pages.tests.community import Community

VISITOR = ["/", "/directory", "/directory?q=cakes", "/directory?q=nothing-of-the-kind", "/directory/categories"]
VISITOR += ["/signup", "/login", "/admin/login", "/password-reset", "/password-reset/good", "/password-reset/used"]
VISITOR += [
    "/admin/password-reset/good",
    "/verify/good",
    "/unsubscribe/abc",
    "/invitations/gone",
    "/mail",
    "/mail/m-1",
    "/entities/{ben}",
]
MEMBER = [
    "/home",
    "/matches",
    "/profile",
    "/pay",
    "/pay?q=cleo",
    "/request",
    "/pay/{ben}",
    "/request/{ben}",
    "/transfers",
]
MEMBER += [
    "/pay/{ben}/confirm?amount=1",
    "/transfers?status=completed",
    "/transfers/{transfer}",
    "/statement",
    "/security",
    "/security/leave",
]
MEMBER += ["/statement?from=2026-01-01&to=2026-12-31&text=x", "/notifications", "/notifications/preferences"]
MEMBER += ["/profile/people", "/security/second-factor", "/security/api-keys"]
MEMBER += ["/application", "/directory?favourites=1", "/entities/{ben}", "/entities/{ben}/contact", "/entities/{ana}"]
ADMIN = ["/admin", "/admin/entities", "/admin/entities?status=pending", "/admin/entities/{ben}", "/admin/users"]
ADMIN += [
    "/admin/users/{user}",
    "/admin/categories",
    "/admin/tags?q=c",
    "/admin/transfers",
    "/admin/transfers/{transfer}",
]
ADMIN += ["/admin/activity?from=2026-01-01&to=nonsense", "/admin/system", "/security", "/directory", "/entities/{ben}"]


def filled(path: str, town: Community) -> str:
    by_name = {each["name"].split()[0].split("'")[0].lower(): each["id"] for each in town.entities.values()}
    pending = next(each["id"] for each in town.transfers.values() if each["status"] == "initiated")
    return path.format(**by_name, transfer=pending, user=town.owner_of(by_name["ana"]))


def check(page: PageReader) -> None:
    """What holds for every page: language, one main, one h1, labelled fields, no empty links."""
    html = next(given for tag, given in page.tags if tag == "html")
    assert html["lang"] == "en"
    assert html["dir"] == "ltr"
    names = [tag for tag, _ in page.tags]
    assert names.count("main") == 1
    assert names.count("h1") == 1
    labelled = {given.get("for") for tag, given in page.tags if tag == "label"}
    wrapped = {"checkbox", "radio", "hidden"}
    for tag, given in page.tags:
        if tag in {"input", "select", "textarea"} and given.get("type") not in wrapped and "hidden" not in given:
            assert given.get("id") in labelled, given
    ids = [given["id"] for _, given in page.tags if "id" in given]
    assert len(ids) == len(set(ids))
    described = [each for _, given in page.tags for each in given.get("aria-describedby", "").split()]
    assert set(described) <= set(ids)


@pytest.mark.parametrize("path", VISITOR)
async def test_a_visitor_sees(path, town, visitor):
    status = 400 if path.endswith(("/used", "/gone")) else 200
    check(await visitor.open(filled(path, town), status=status))


@pytest.mark.parametrize("path", MEMBER)
async def test_a_member_sees(path, town, ana):
    check(await ana.open(filled(path, town)))


@pytest.mark.parametrize("path", ADMIN)
async def test_an_admin_sees(path, town, admin):
    check(await admin.open(filled(path, town)))


@pytest.mark.parametrize(
    ("away", "said", "stands"),
    [
        ("ledger", "Your account cannot be shown just now.", "Ben Wheeler"),
        ("matcher", "The matches are away just now.", "84.50"),
        ("directory", "The matches are away just now.", "84.50"),
        ("notifier", "84.50", "Ben Wheeler"),
        ("identity", "84.50", "Ben Wheeler"),
    ],
)
async def test_the_start_page_stands_while_one_owner_is_away(away, said, stands, town, ana):
    await ana.open("/home")
    town.away.add(away)
    page = await ana.open("/home")
    assert said in page.text
    assert stands in page.text


@pytest.mark.parametrize("away", ["ledger", "matcher", "directory", "notifier"])
async def test_no_page_falls_over_because_an_owner_is_away(away, town, ana, admin):
    await ana.open("/home")
    town.away.add(away)
    for browser, paths in ((ana, MEMBER), (admin, ADMIN)):
        for path in paths:
            answer = await browser.client.get(filled(path, town))
            assert answer.status_code in {200, 303, 503}, (path, answer.status_code)
            if answer.status_code == 503:
                assert "is away" in answer.text


async def test_the_first_page_weighs_less_than_60_kb_in_all(visitor):
    page = await visitor.open("/")
    weight = len(visitor.answer.content)
    for tag, given in page.tags:
        address = given.get("href" if tag == "link" else "src", "")
        if address.startswith("/static/"):
            answer = await visitor.client.get(address, headers={"accept-encoding": "gzip"})
            assert answer.status_code == 200
            weight += int(answer.headers["content-length"])
    assert weight < 60_000


async def test_static_files_are_kept_for_ever_by_their_content_and_nothing_else_is_served(visitor):
    page = await visitor.open("/")
    address = next(given["href"] for tag, given in page.tags if given.get("rel") == "stylesheet")
    answer = await visitor.client.get(address)
    assert "immutable" in answer.headers["cache-control"]
    again = await visitor.client.get(address, headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304
    for name in ("../pages/routes.py", "vendor/htmx.VERSION.txt", "..%2f..%2fpyproject.toml", "nothing.css"):
        assert (await visitor.client.get(f"/static/{name}")).status_code == 404


async def test_unknown_addresses_and_unlisted_members_look_the_same(town, visitor, ana):
    fay = next(each["id"] for each in town.entities.values() if each["name"] == "Fay Potter")
    for browser in (visitor, ana):
        unlisted = await browser.open(f"/entities/{fay}", status=404)
        unknown = await browser.open("/entities/01a1fdb3-cc14-7070-be5a-aed092ea5531", status=404)
        assert unlisted.text == unknown.text
        await browser.open("/entities/nonsense", status=404)
        await browser.open("/no/such/page", status=404)


async def test_telephone_and_street_are_for_members(town, visitor, ben):
    ana_id = next(each["id"] for each in town.entities.values() if each["name"] == "Ana's Bakery")
    assert "+44 20 7946 0000" not in (await visitor.open(f"/entities/{ana_id}")).text
    assert "+44 20 7946 0000" in (await ben.open(f"/entities/{ana_id}")).text


async def test_the_mail_page_exists_in_development_only(town):
    secret = "x" * 40
    browser = Browser(town, env="production", service_secret=secret, allow_local_doors=True)
    await browser.open("/mail", status=404)
    await browser.open("/mail/m-1", status=404)


async def test_a_statement_as_csv_arrives_in_pieces(ana):
    answer = await ana.client.get("/statement.csv?from=2026-01-01")
    assert answer.headers["content-disposition"] == 'attachment; filename="statement.csv"'
    assert answer.text.startswith("date,amount")


async def test_a_wrong_date_is_told_and_the_rest_stands(ana):
    page = await ana.open("/statement?from=yesterday", status=400)
    assert "Please give the date" in page.text
    assert "84.50" in page.text


async def test_a_negative_balance_is_not_an_alarm_and_direction_is_in_words(ana):
    page = await ana.open("/statement")
    assert "You paid Cleo's Green Hands" in page.text
    assert "Cleo's Green Hands paid you" in page.text
    assert not [given for _, given in page.tags if "wrong" in given.get("class", "")]
