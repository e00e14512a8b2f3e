"""Which servers are shown for a request, in whatever language it is written."""

import pytest
import yaml
from conftest_paths import ROOT

from agenthands.mcp.catalogue import load_catalogue
from agenthands.mcp.offer import offer_servers, shown_server
from agenthands.mcp.ranking import rank_servers

CATALOGUE = load_catalogue()
REQUESTS = yaml.safe_load((ROOT / "bench/mcp/requests.yaml").read_text(encoding="utf-8"))


def shown(request, limit=6):
    return [server.id for server in rank_servers(CATALOGUE, request, limit).shown]


@pytest.mark.parametrize("wanted", REQUESTS, ids=lambda each: each["request"][:40])
def test_what_a_person_would_choose_is_shown(wanted):
    assert set(wanted["wanted"]) <= set(shown(wanted["request"]))


@pytest.mark.parametrize(
    ("request_", "best"),
    [
        ("current time in a time zone", "time"),
        ("annual reports 10-K filings", "sec-edgar"),
        ("An agent that answers questions about a stock: its price, dividends and news", "yahoo-finance"),
        ("search the web for recent news", "duckduckgo"),  # of five that can, the one that asks for no key
        ("summarise the web page at a URL", "fetch"),
        ("fill a spreadsheet", "excel"),
        ("evaluate arithmetic expressions", "calculator"),
        ("inflation and unemployment time series", "fred"),
        ("read and write files in a folder", "filesystem"),
        ("query the tables of a SQLite database file", "sqlite"),
        ("filing", "sec-edgar"),
        ("会議記録からPPTを作る", "powerpoint"),
        ("Anlæg: læs vores PDF'er", "markitdown"),  # a language of which no word is listed
    ],
)
def test_the_server_that_fits_comes_first(request_, best):
    assert shown(request_)[0] == best


@pytest.mark.parametrize(
    "request_",
    [
        "Convert recipes between metric and US units",
        "检查中国身份证号码是否有效",
        "to be or not to be, that is the",
        "",
        "🙂",
    ],
)
def test_no_server_is_shown_for_words_that_say_nothing(request_):
    assert shown(request_) == []


def test_one_word_by_chance_shows_nothing():
    assert shown("Zoek in onze map met contracten welke dit jaar aflopen") == []  # `map` is a word of charts


def test_never_more_than_the_limit_and_nothing_is_lost():
    request = "stock prices, news, web pages, spreadsheets, files, time zones, papers"
    for limit in (-1, 0, 1, 3, 100):
        ranking = rank_servers(CATALOGUE, request, limit)
        assert len(ranking.shown) <= max(limit, 0)
        assert {server.id for server in (*ranking.shown, *ranking.others)} == set(CATALOGUE)
    assert rank_servers({}, request, 3).shown == []


def test_a_request_of_which_no_word_is_known_is_said_to_be():
    assert not offer_servers(CATALOGUE, "Helpa'r plant gyda'u gwaith cartref", 6).understood
    assert offer_servers(CATALOGUE, "Excel", 6).understood
    assert offer_servers(CATALOGUE, "Convert recipes between metric and US units", 6).understood
    assert not offer_servers(CATALOGUE, "Maak recepten om van grammen naar ons", 6).understood


@pytest.mark.parametrize("name", CATALOGUE)
def test_no_name_is_hidden_but_those_of_variants(name):
    server = CATALOGUE[name]
    seen = shown_server(server, 5)
    named = [tool.name for tool in seen.described] + [name for names in seen.named.values() for name in names]
    assert sorted(named) == sorted(tool.name for tool in server.tools if not tool.same_as)
    assert len(seen.described) <= 5
    assert all(server.tool(name).effect == mark for mark, names in seen.named.items() for name in names)


def test_wikipedia_lists_each_tool_once():
    seen = shown_server(CATALOGUE["wikipedia"], 12)
    assert [tool.name for tool in seen.described if tool.name.startswith("wikipedia_")] == []
    assert len(CATALOGUE["wikipedia"].tools) == 2 * len(seen.described) + 2 * sum(map(len, seen.named.values()))
