"""One command in two processes: the fit of one."""

import os
import socket
import subprocess
import sys

import numpy as np
import pytest

from air_core import cli, fitting, pipeline
from air_core.workspace import Workspace
from benchmarks.ui_workspace import make

LAMBDA_G = 0.05


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def torchrun(*words):
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command += ["--master-addr", "127.0.0.1", "--master-port", free_port()]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    return subprocess.run(
        [*command, "-m", "air_core.cli", *words],
        env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_two_processes_store_the_fit_of_one(tmp_path):
    audit = make(tmp_path, 601, classes=3, p=12)
    workspace = Workspace.open(audit)
    alone = pipeline.fit(workspace, solver="exact", lambda_g=LAMBDA_G)
    done = torchrun("fit", str(audit), "--solver", "exact", "--lambda-g", str(LAMBDA_G))
    assert done.returncode == 0, done.stderr
    found = fitting.latest_fit(workspace, "air")
    assert found.notes["processes"] == 2
    assert found.run_id != alone.run_id
    for name in ("coef", "intercept", "probabilities", "activations", "margins"):
        np.testing.assert_allclose(getattr(found, name), getattr(alone, name), atol=1e-5)
    assert done.stdout.count("AIR (exact, 2 processes)") == 1
    again = torchrun("fit", str(audit), "--solver", "exact", "--lambda-g", str(LAMBDA_G))
    assert found.run_id in again.stdout


def test_several_processes_need_a_strength(tmp_path, monkeypatch, capsys):
    audit = make(tmp_path, 40, classes=2, p=4)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setattr(sys, "argv", ["air-audit", "fit", str(audit)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 1
    assert "Expected --solver exact and --lambda-g under torchrun" in capsys.readouterr().err
