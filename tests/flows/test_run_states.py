"""How a run that fails ends in Prefect, and for who called it."""

import pytest
from prefect import flow
from prefect.settings import PREFECT_API_URL, temporary_settings

from agenthands.error_mapping import as_agenthands_error
from agenthands.errors import KeyMissing, RequestInvalid
from agenthands.schemas import BuildOptions
from agenthands.tasks.run_states import failed_state

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("error", [KeyMissing("No key.", "Set it."), as_agenthands_error(KeyError("x"))])
def test_a_flow_that_fails_raises_its_error_and_names_its_state(error, prefect_api):
    @flow
    def failing():
        return failed_state(error)

    with temporary_settings({PREFECT_API_URL: prefect_api["PREFECT_API_URL"]}):
        with pytest.raises(type(error)) as raised:
            failing()
        state = failing(return_state=True)
    assert (raised.value.message, raised.value.hint) == (error.message, error.hint)
    assert state.type == "FAILED"
    assert state.name == {"key_missing": "Key missing", "own_fault": "Own fault"}[error.code]
    assert state.message == f"{error.message} {error.hint}"


def test_a_batch_whose_list_cannot_be_used_names_its_state(tmp_path, prefect_api):
    from agenthands.flows.build_batch import build_batch

    (tmp_path / "b.yaml").write_text("no: list")
    options = BuildOptions(store=str(tmp_path / "store"))
    with temporary_settings({PREFECT_API_URL: prefect_api["PREFECT_API_URL"]}):
        with pytest.raises(RequestInvalid, match="must be a list"):
            build_batch(str(tmp_path / "b.yaml"), options)
        state = build_batch(str(tmp_path / "b.yaml"), options, return_state=True)
    assert (state.type, state.name) == ("FAILED", "Request invalid")
    assert "must be a list" in state.message
