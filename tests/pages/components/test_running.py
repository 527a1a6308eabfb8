"""Jobs as people see them."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest


def script(looks: int) -> None:
    from pathlib import Path

    import streamlit as st

    from pages.components.running import draw_jobs
    from pages.jobs import Job

    class Ending(Job):
        """Ends while it is drawn, after so many looks at it."""

        @property
        def state(self):
            self.looks = getattr(self, "looks", 0) + 1
            return "running" if self.looks <= looks else "done"

        @state.setter
        def state(self, value):
            pass

    if "job" not in st.session_state:
        st.session_state["job"] = Ending(Path("audit"), "path", "Solving")
    draw_jobs([st.session_state["job"]])
    st.text("the page below")


@pytest.mark.parametrize("looks", range(8))
def test_a_job_may_end_at_any_moment_of_being_drawn(looks):
    page = AppTest.from_function(script, args=(looks,)).run()
    assert not page.exception
    assert page.text[0].value == "the page below"
