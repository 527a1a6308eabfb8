"""What fitted models cost when they are made of others."""

import time

from air_core.detectors.detection import Fits


def test_a_model_counts_as_if_all_it_is_made_of_were_made_for_it():
    fits = Fits()

    def part():
        return fits.once("part", lambda: time.sleep(0.05))

    part()
    assert fits.saved == 0
    fits.once("whole", part)
    assert 0.05 <= fits.saved < 0.1, "the part was there"
    before = fits.saved
    fits.once("whole", part)
    assert 0.05 <= fits.saved - before < 0.1
