"""Time-outs follow the machine: those of the tests' own helpers, and pytest-timeout's."""

import patience
import pytest
import pytest_timeout


@pytest.fixture
def machine(monkeypatch):
    """A machine as slow as the test says, which is measured anew each time it is asked."""

    def set_slowness(start, total=1.0):
        monkeypatch.setattr(patience, "_start", lambda: start)
        monkeypatch.setattr(patience, "_sum", lambda: total)
        monkeypatch.setattr(patience.os, "getloadavg", lambda: (0.0, 0.0, 0.0))

    monkeypatch.setattr(patience, "_FRESH", -1)
    monkeypatch.setattr(patience, "_measured", [])
    return set_slowness


@pytest.mark.parametrize(("start", "total", "seconds"), [(0.5, 0.5, 10), (3.0, 1.0, 30), (1.0, 2.5, 25)])
def test_a_time_out_is_as_many_times_longer_as_the_machine_is_slower_and_never_shorter(machine, start, total, seconds):
    machine(start, total)
    assert patience.patient(10) == seconds


def test_a_machine_with_more_to_do_than_it_has_cores_gets_more_time(machine, monkeypatch):
    machine(1.0)
    monkeypatch.setattr(patience.os, "getloadavg", lambda: (12.0, 0.0, 0.0))
    monkeypatch.setattr(patience.os, "cpu_count", lambda: 2)
    assert patience.patient(10) == 60


def test_a_quiet_moment_of_a_busy_machine_shortens_nothing_yet(machine):
    machine(4.0)
    patience.patient(1)
    machine(1.0)
    assert [patience.slowness() for _ in range(4)] == [4.0, 4.0, 4.0, 1.0]


def test_the_time_out_of_a_test_is_scaled_as_well(machine, monkeypatch, request):
    machine(7.0)
    given = []
    monkeypatch.setattr(
        pytest_timeout, "pytest_timeout_set_timer", lambda item, settings: given.append(settings) or True
    )
    settings = pytest_timeout._get_item_settings(request.node)
    request.node.ihook.pytest_timeout_set_timer(item=request.node, settings=settings)
    assert given[0].timeout == 7 * settings.timeout


def test_the_machine_is_really_measured():
    assert patience._start() > 0
    assert patience._sum() > 0
