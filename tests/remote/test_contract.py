"""The contract of a session, held by sessions in a host process: ours, and OpenAI's.

The tests are those of every provider; the tables say which of them ask for what V1 cannot say,
and which for what OpenAI's host does otherwise.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio

from codemode import ProcessSessionProvider
from codemode.protocol.session import SessionProvider
from tests.runtime.test_session import *  # noqa: F403 - the tests themselves
from tests.runtime.test_session import client, make_session  # noqa: F401 - what they need

from .hosts import NO_ORACLE, ORACLE, OURS, WHICH

NO_FRONTIER: Final = "V1 has no word for the pending frontier"
OF_THE_HOST: Final = "V1 does not carry this limit: the host has its own"

NOT_IN_V1: Final = {
    "test_yield_control_means_nothing_in_pending_mode": NO_FRONTIER,
    "test_an_unknown_cell_is_missing": NO_FRONTIER,
    "test_a_synchronous_program_completes": NO_FRONTIER,
    "test_parallel_calls_are_reported_in_order": NO_FRONTIER,
    "test_no_javascript_runs_in_a_frozen_cell": NO_FRONTIER,
    "test_a_resume_with_nothing_ready_is_pending_again": NO_FRONTIER,
    "test_a_timer_that_was_due_while_frozen_and_is_cleared_on_the_way_does_not_fire": NO_FRONTIER,
    "test_a_frozen_cell_observed_by_time_goes_on": NO_FRONTIER,
    "test_stored_values_are_bounded_and_the_rest_is_kept": OF_THE_HOST,
    "test_a_cell_that_computes_too_long_ends_with_what_it_wrote": OF_THE_HOST,
    "test_output_is_bounded_also_where_it_is_empty": OF_THE_HOST,
    "test_a_program_ends_by_a_limit_if_it_has_reached_it": OF_THE_HOST,
}
OTHERWISE_AT_OPENAI: Final = {
    "test_what_is_no_plain_value_is_not_stored": "it words the error otherwise",
    "test_a_notification_that_never_ends_does_not_hinder_a_termination": "it does not yield while an end waits for a notification",
    "test_a_thousand_calls_at_once_are_all_answered": "it closes the connection",
    "test_a_thousand_notifications_in_a_row_all_arrive_in_order": "it closes the connection",
    "test_a_flood_of_notifications_is_slowed_and_the_cell_can_be_ended": "it closes the connection",
}

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(  # type: ignore[no-redef]
    loop_scope="module", scope="module", params=WHICH
)
async def provider(
    request: pytest.FixtureRequest,
) -> AsyncIterator[SessionProvider]:
    if request.param == "openai" and ORACLE is None:
        pytest.skip(NO_ORACLE)
    command = OURS if request.param == "ours" else (str(ORACLE),)
    async with ProcessSessionProvider(command) as provider:
        yield provider


@pytest.fixture(autouse=True)
def applies(request: pytest.FixtureRequest) -> None:
    name = request.node.originalname
    if name in NOT_IN_V1:
        pytest.skip(NOT_IN_V1[name])
    if "openai" in request.node.callspec.id and name in OTHERWISE_AT_OPENAI:
        pytest.skip(OTHERWISE_AT_OPENAI[name])
