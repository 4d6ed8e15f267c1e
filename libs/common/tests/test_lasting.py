"""What a start leaves for the collector."""

import gc

from libs.common.lasting import YOUNG_MAX, lasting


def test_what_a_start_makes_is_not_looked_through_again_and_the_collector_is_as_before() -> None:
    usual, frozen = gc.get_threshold(), gc.get_freeze_count()
    try:
        with lasting():
            assert gc.get_threshold()[0] == YOUNG_MAX
            with lasting():
                made = [[number] for number in range(1_000)]
            assert gc.get_threshold()[0] == YOUNG_MAX
        assert gc.get_threshold() == usual
        assert gc.get_freeze_count() >= frozen + len(made)
    finally:
        gc.unfreeze()


def test_a_fill_that_outlasts_the_start_leaves_the_collector_as_it_was_before_both() -> None:
    usual, start, fill = gc.get_threshold(), lasting(), lasting()
    try:
        start.__enter__()
        fill.__enter__()
        start.__exit__(None, None, None)
        assert gc.get_threshold()[0] == YOUNG_MAX
        fill.__exit__(None, None, None)
        assert gc.get_threshold() == usual
    finally:
        gc.unfreeze()
