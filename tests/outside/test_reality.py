"""What real answers say of recorded worlds, and what is written down of them."""

import json

import pytest
from world_support import HOST, weather

from agenthands.errors import RequestInvalid
from agenthands.outside.comparison import compare
from agenthands.outside.personal_data import PersonalData
from agenthands.outside.recorder import MOST_BODY_BYTES, MOST_BYTES, MOST_RECORDED, Met, Recorder
from agenthands.outside.recording import Recording, cut_json, exchanges_of, read_recording, write_recording
from agenthands.outside.shapes import differences, shape_of
from agenthands.schemas import World
from agenthands.trying import verdict_of

NOW = f"https://{HOST}/v1/now"


def met(answer, url=f"{NOW}?city=Bonn", status=200, **more):
    content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    headers = [("Content-Type", "application/json"), ("Set-Cookie", "session=1")]
    return Met("GET", url, b"", status, headers, content, at="2027-03-01T09:00:00Z", **more)


def found(answer, world="usual", **more):
    return compare(met(answer, **more), [weather()], world, PersonalData())


def told(request):
    return [(each.code, each.place, each.wrong) for each in request.findings]


def test_other_values_are_no_difference():
    request = found({"temperature": 3, "wind": 12.5})
    assert (request.outcome, request.world, request.findings) == ("as_recorded", "usual", [])
    assert verdict_of([request])[0] == "as_recorded"


def test_missing_fields_and_types_are_wrong_and_new_fields_are_not():
    request = found({"temperature": "3", "gusts": 4})
    assert request.outcome == "differs"
    assert told(request) == [
        ("type", "$.temperature", True), ("missing_field", "$.wind", True), ("new_field", "$.gusts", False),
    ]  # fmt: skip
    assert verdict_of([request])[0] == "differs"
    assert found({"temperature": 3, "wind": 1, "gusts": 4}).outcome == "as_recorded"


def test_another_status_and_what_is_no_json():
    assert told(found({"error": "gone"}, status=410)) == [("status", "", True)]
    assert told(found(b"<html>")) == [("not_json", "", True)]
    unknown = f"{NOW}?city=Atlantis"
    assert found({"error": "unknown"}, url=unknown, status=404).outcome == "as_recorded"
    assert found({"message": "no city"}, url=unknown, status=404).outcome == "differs"


def test_a_recorded_failure_that_does_not_happen_now_is_no_difference():
    request = found({"temperature": 3, "wind": 1}, world="broken")
    assert (request.outcome, request.world) == ("as_recorded", "usual")
    assert found({}, status=503).outcome == "failing_now"
    assert verdict_of([found({}, status=429)])[0] == "not_comparable"


def test_what_no_world_records_is_compared_with_what_is_like_it():
    request = found({"temperature": 3}, url=f"{NOW}?city=Paris")
    assert told(request) == [("missing_field", "$.wind", True)]
    assert request.similar == NOW
    assert found({}, url=f"https://{HOST}/v2/other/thing").outcome == "not_recorded"


def test_no_answer_and_refusals_say_nothing_of_the_world():
    away = Met("GET", NOW, b"", fault="no_answer", message="It does not answer in time.")
    assert compare(away, [weather()], "usual", PersonalData()).outcome == "no_answer"
    refused = Met("POST", NOW, b"", fault="write_not_allowed", message="Not made.")
    request = compare(refused, [weather()], "usual", PersonalData())
    assert (request.outcome, request.fault) == ("refused", "write_not_allowed")
    assert verdict_of([request])[0] == "not_reached"
    assert verdict_of([])[0] == "nothing_asked"


def test_a_redirect_to_an_undeclared_host_is_a_finding():
    assert told(found({}, status=302, elsewhere="www.example.org"))[0] == ("redirected_elsewhere", "", True)


def test_a_recorder_keeps_what_fits_into_its_memory():
    recorder = Recorder()
    for _ in range(20):
        recorder.note(Met("GET", NOW, b"", 200, (), b"x" * MOST_BODY_BYTES))
    kept = recorder.since(0)
    assert sum(len(each.answer) for each in kept) <= MOST_BYTES
    assert [each.cut for each in kept] == [False] * 16 + [True] * 4
    for _ in range(MOST_RECORDED):
        recorder.note(Met("GET", NOW, b""))
    assert (len(recorder.since(0)), recorder.left_out) == (MOST_RECORDED, 20)


def shapes(recorded, real):
    return [(each.code, each.place) for each in differences(shape_of([recorded]), shape_of([real]))]


def test_shapes():
    rows = {"rows": [{"id": 1, "note": "a"}, {"id": 2}]}
    assert shapes(rows, {"rows": [{"id": 5}]}) == []  # it is recorded that the note may be missing
    assert shapes(rows, {"rows": []}) == []
    assert shapes(rows, {"rows": [{"id": None, "note": "a"}]}) == [("type", "$.rows[].id")]
    assert shapes({"id": 1, "name": "x"}, {"id": 1, "name": None}) == [("type", "$.name")]
    always, sometimes = {"rows": [{"id": 1}]}, {"rows": [{"id": 1}, {}]}
    assert shapes(always, sometimes) == [("missing_field", "$.rows[].id")]
    days = {"days": {"2027-03-01": {"wind": 1}}}
    assert shapes(days, {"days": {"2027-03-02": {"wind": 2}, "2027-03-03": {"wind": 2}}}) == []
    assert shapes(days, {"days": {"2027-03-02": {"gusts": 2}}}) == [
        ("missing_field", "$.days.*.wind"), ("new_field", "$.days.*.gusts"),
    ]  # fmt: skip
    deep = {}
    for _ in range(90):
        deep = {"a": deep}
    assert shapes(deep, deep) == []


def test_a_recording_holds_no_cookie_no_key_and_nobody(tmp_path, monkeypatch):
    monkeypatch.setenv("WEATHER_API_KEY", "very-secret-key-1")
    answer = {"temperature": 3, "wind": 1, "by": "jo@weather.org", "again": "Ask jo@weather.org or +49 170 1234567.",
              "first_name": "Jo", "phone": 491701234567, "iban": "DE89370400440532013000", "seen": "very-secret-key-1",
              "token": "abc", "card": "4111 1111 1111 1111", "id": "1234567890123"}  # fmt: skip
    exchanges, left_out = exchanges_of(
        [met(answer), met(answer), met({"temperature": 4, "wind": 1}), met(b"\xff\xfe"), met({}, cut=True)],
        PersonalData(),
    )
    first, second = exchanges
    assert (first.turn, second.turn, first.origin, first.at) == (1, 2, "recorded", "2027-03-01T09:00:00Z")
    assert first.response.headers == {}
    assert first.response.json_body == {
        "temperature": 3, "wind": 1, "by": "person1@example.org", "again": "Ask person1@example.org or +10000000001.",
        "first_name": "Name1", "phone": 111111111111, "iban": "XX00MASKED00000001", "seen": "***", "token": "masked-1",
        "card": "0000 0000 0000 0000", "id": "1234567890123",
    }  # fmt: skip
    assert len(left_out) == 1
    kept = Recording(agent="a", build_id="b", at="now", left_out=left_out, world=World(http=exchanges))
    write_recording(kept, tmp_path / "new" / "file.json")
    assert read_recording(tmp_path / "new" / "file.json") == kept


@pytest.mark.parametrize("text", ["", "{}", "[" * 5000, '{"agent": 1}', "nonsense"])
def test_what_is_no_recording_is_told(tmp_path, text):
    file = tmp_path / "file.json"
    file.write_text(text)
    with pytest.raises(RequestInvalid, match="no recording"):
        read_recording(file)
    with pytest.raises(RequestInvalid, match="cannot be read"):
        read_recording(tmp_path / "none.json")


def test_long_answers_are_cut_and_stay_json():
    rows = {"rows": [{"id": number, "text": "x" * 900} for number in range(5000)], "total": 5000}
    cut = cut_json(rows, 6000)
    assert len(json.dumps(cut)) <= 6000
    assert cut["total"] == 5000
    assert cut["rows"][0]["id"] == 0
