"""Dropout by bytes is dropout."""

import numpy as np
import pytest
import torch

from air_core.baselines.dropout import ByteDropout


def test_it_drops_its_share_and_keeps_the_mean():
    layer, x = ByteDropout(0.25, np.random.default_rng(0)), torch.ones(400, 500)
    found = layer(x)
    assert found.unique().tolist() == pytest.approx([0.0, 256 / 192])
    assert abs(float((found == 0).float().mean()) - 0.25) < 0.005
    assert abs(float(found.mean()) - 1) < 0.01
    assert not torch.equal(found, layer(x)), "every step drops others"


def test_nothing_is_dropped_while_it_is_evaluated_or_at_rate_zero():
    x = torch.ones(4, 5)
    assert ByteDropout(0.5, np.random.default_rng(0)).eval()(x) is x
    assert ByteDropout(0.0, np.random.default_rng(0))(x) is x


def test_what_was_dropped_has_no_gradient():
    x = torch.ones(50, 40, requires_grad=True)
    found = ByteDropout(0.5, np.random.default_rng(0))(x)
    found.sum().backward()
    torch.testing.assert_close(x.grad, found.detach())
