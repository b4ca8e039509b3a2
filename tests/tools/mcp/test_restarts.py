"""How long a server that fails, or never rests, is left alone."""

from codemode.tools.mcp.restarts import LONGEST_DELAY_S, LONGEST_LIST_PAUSE_S, ListPauses, Restarts


def pauses(restarts: Restarts, failures: int) -> list[float]:
    """The pause after each of some failures at the same moment."""
    found = []
    for _ in range(failures):
        restarts.failed(now=100.0)
        found.append(restarts.pause(now=100.0))
    return found


def test_the_first_start_again_is_at_once_and_the_pauses_grow_to_a_minute() -> None:
    found = pauses(Restarts(), 40)

    assert found[:8] == [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, LONGEST_DELAY_S]
    assert set(found[8:]) == {LONGEST_DELAY_S}


def test_a_pause_runs_out_and_an_answer_makes_the_next_one_short() -> None:
    restarts = Restarts()
    pauses(restarts, 3)

    assert [restarts.pause(now=now) for now in (100.0, 101.5, 102.0, 200.0)] == [2.0, 0.5, 0.0, 0.0]
    restarts.worked()
    assert pauses(restarts, 2) == [0.0, 1.0]


def test_a_server_that_never_rests_is_asked_ever_more_seldom() -> None:
    found = ListPauses()

    assert [found.after(is_restless=each) for each in (False, True, True, True)] == [
        0.25,
        0.5,
        1,
        2,
    ]
    assert [found.after(is_restless=True) for _ in range(9)][-1] == LONGEST_LIST_PAUSE_S
    assert found.after(is_restless=False) == 0.25
