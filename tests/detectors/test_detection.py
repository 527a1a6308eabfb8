"""What fitted models cost when they are made of others."""

from air_core.detectors import detection
from air_core.detectors.detection import Fits


def test_a_model_counts_as_if_all_it_is_made_of_were_made_for_it(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(detection.time, "perf_counter", lambda: now[0])
    fits = Fits()

    def part():
        now[0] += 2

    def whole():
        fits.once("part", part)
        now[0] += 3

    fits.once("part", part)
    assert fits.saved == 0
    fits.once("whole", whole)
    assert fits.saved == 2, "the part was there"
    fits.once("whole", whole)
    assert fits.saved == 2 + 5
