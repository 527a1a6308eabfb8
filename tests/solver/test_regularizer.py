"""The penalty against its n·p·C form and finite differences, and what it does to a training."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from air_core.errors import SolverError
from air_core.metrics import auroc
from air_core.solver.regularizer import AuxiliaryImageRegularizer
from tests.solver.problems import noisy_blobs

GROUPS = ["image_class", "image"]


def problem(b=6, p=5, c=3, *, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand((b, p), generator=generator, dtype=torch.float64)
    w = torch.randn((c, p), generator=generator, dtype=torch.float64)
    return x.to(dtype).requires_grad_(), w.to(dtype).requires_grad_()


def written_out(x, w, group):
    """Σ_g ‖v_g‖ from the array v of shape (b, C, p)."""
    v = x[:, None, :] * w[None]
    return (v.norm(dim=2) if group == "image_class" else v.flatten(1).norm(dim=1)).sum()


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize(("reduction", "divisor"), [("sum", 1), ("mean", 6)])
def test_value_and_gradients_equal_the_form_written_out(group, reduction, divisor):
    x, w = problem()
    penalty = AuxiliaryImageRegularizer(4.0, group=group, reduction=reduction)
    expected = 4.0 / 5 * written_out(x, w, group) / divisor
    got = penalty(x, w)
    torch.testing.assert_close(got, expected, rtol=1e-12, atol=0)
    for ours, theirs in zip(
        torch.autograd.grad(got, (x, w)), torch.autograd.grad(expected, (x, w)), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("group", GROUPS)
def test_gradients_equal_finite_differences(group):
    penalty = AuxiliaryImageRegularizer(group=group)
    assert torch.autograd.gradcheck(penalty, problem())
    assert torch.autograd.gradgradcheck(penalty, problem(3, 4, 2))


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("zeroed", ["image", "class", "disjoint", "everything"])
def test_at_zero_the_gradient_is_zero_and_finite(group, zeroed):
    x, w = (t.detach().clone() for t in problem())
    if zeroed in ("image", "everything"):
        x[0] = 0
    if zeroed in ("class", "everything"):
        w[0] = 0
    if zeroed == "disjoint":  # neither is zero, but x_0 ∘ w_0 is
        x[0, :3], w[0, 3:] = 0, 0
    if zeroed == "everything":
        x[:], w[:] = 0, 0
    x.requires_grad_(), w.requires_grad_()
    value = AuxiliaryImageRegularizer(group=group)(x, w)
    by_x, by_w = torch.autograd.grad(value, (x, w))
    assert torch.isfinite(value)
    assert torch.isfinite(by_x).all()
    assert torch.isfinite(by_w).all()
    if zeroed == "image":
        assert (by_x[0] == 0).all()
    if zeroed == "class":
        assert (by_w[0] == 0).all()
    if zeroed == "everything":
        assert value == 0
        assert (by_x == 0).all()
        assert (by_w == 0).all()


def test_scale_moves_from_features_to_weights_at_no_cost():
    x, w = problem()
    penalty = AuxiliaryImageRegularizer()
    torch.testing.assert_close(penalty(10 * x, w / 10), penalty(x, w))
    torch.testing.assert_close(penalty(3 * x, w), 3 * penalty(x, w))
    torch.testing.assert_close(penalty(x, -3 * w), 3 * penalty(x, w))


def test_lambda_g_is_a_multiple_of_one_over_p():
    x, w = problem()
    doubled = AuxiliaryImageRegularizer(20.0)(x, w)
    torch.testing.assert_close(doubled, 2 * AuxiliaryImageRegularizer(10.0)(x, w))
    assert AuxiliaryImageRegularizer(0.0)(x, w) == 0
    # The same vectors written twice: each norm grows by √2 and λ_g halves.
    wide = AuxiliaryImageRegularizer()(torch.cat([x, x], 1), torch.cat([w, w], 1))
    torch.testing.assert_close(wide, AuxiliaryImageRegularizer()(x, w) / 2**0.5)


def test_mini_batches_estimate_the_sum_as_documented():
    x, w = problem(b=12)
    whole_sum = AuxiliaryImageRegularizer(reduction="sum")(x, w)
    whole_mean = AuxiliaryImageRegularizer(reduction="mean")(x, w)
    batches = x.split(4)
    scaled = [12 / 4 * AuxiliaryImageRegularizer(reduction="sum")(part, w) for part in batches]
    torch.testing.assert_close(torch.stack(scaled).mean(), whole_sum)
    means = [AuxiliaryImageRegularizer(reduction="mean")(part, w) for part in batches]
    torch.testing.assert_close(torch.stack(means).mean(), whole_mean)
    torch.testing.assert_close(whole_mean, whole_sum / 12)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_an_empty_batch_costs_nothing(reduction):
    x, w = torch.zeros(0, 5), torch.ones(3, 5)
    assert AuxiliaryImageRegularizer(reduction=reduction)(x, w) == 0


def half_precision_error(device, dtype):
    """Relative error of value and gradients at weights whose squares float16 cannot hold."""
    x, w = (t.detach() for t in problem(32, 64, 4))
    w = w * 1e-4
    exact = [t.clone().requires_grad_() for t in (x, w)]
    reference = AuxiliaryImageRegularizer()(*exact)
    reference.backward()
    small = [t.to(device, dtype).requires_grad_() for t in (x, w)]
    value = AuxiliaryImageRegularizer()(*small)
    value.backward()
    assert value.dtype == torch.float32
    assert [t.grad.dtype for t in small] == [dtype, dtype]
    pairs = [(value.detach(), reference.detach()), (small[1].grad, exact[1].grad)]
    return max(float((a.cpu() - b).norm() / b.norm()) for a, b in pairs)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_keeps_small_weights(dtype):
    assert half_precision_error("cpu", dtype) < 0.01


def under_autocast(device, dtype):
    x, w = (t.detach().float().to(device) for t in problem(32, 64, 4))
    head = nn.Linear(64, 4).to(device)
    head.weight.data.copy_(1e-4 * w)
    plain = AuxiliaryImageRegularizer()(x, head.weight)
    with torch.autocast(device, dtype=dtype):
        inner = AuxiliaryImageRegularizer()(x, head.weight)
    inner.backward()
    assert inner.dtype == torch.float32
    assert torch.isfinite(head.weight.grad).all()
    assert head.weight.grad.norm() > 0
    torch.testing.assert_close(inner, plain)


def test_autocast_does_not_lower_its_precision():
    under_autocast("cpu", torch.bfloat16)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_half_precision_on_cuda():
    assert half_precision_error("cuda", torch.float16) < 0.01
    under_autocast("cuda", torch.float16)


@pytest.mark.parametrize("bad", [{"lambda_scale": -1}, {"group": "pixel"}, {"reduction": "none"}])
def test_bad_settings_are_refused(bad):
    with pytest.raises(SolverError, match=next(iter(bad))):
        AuxiliaryImageRegularizer(**bad)


@pytest.mark.parametrize("shapes", [((6, 5), (5, 3)), ((5,), (3, 5)), ((6, 5), (5,))])
def test_shapes_that_do_not_match_are_refused(shapes):
    with pytest.raises(SolverError, match=r"\(C, p\)"):
        AuxiliaryImageRegularizer()(*(torch.ones(shape) for shape in shapes))


def train(x, y, lambda_scale, inner_rate=1e-4):
    """An inner layer and a linear head, trained together; own-class activations before and after.

    The inner layer starts as the identity on features it keeps non-negative.
    """
    torch.manual_seed(0)
    x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y)
    x = x / x.norm(dim=1).mean()
    inner, head = nn.Linear(x.shape[1], x.shape[1]), nn.Linear(x.shape[1], int(y.max()) + 1)
    nn.init.eye_(inner.weight)
    nn.init.zeros_(inner.bias)
    start = inner.weight.detach().clone()
    penalty = AuxiliaryImageRegularizer(lambda_scale)
    optimizer = torch.optim.Adam(
        [
            {"params": head.parameters(), "lr": 0.03},
            {"params": inner.parameters(), "lr": inner_rate},
        ]
    )
    for _ in range(150):
        features = torch.relu(inner(x))
        loss = functional.cross_entropy(head(features), y) + penalty(features, head.weight)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        active = penalty.activations(torch.relu(inner(x)), head.weight)
        moved = float((inner.weight - start).norm())
    return active[torch.arange(len(y)), y].numpy(), moved


def test_training_with_it_silences_mislabelled_images():
    x, y, wrong = noisy_blobs(300, 64, 5, noise=0.3, seed=1)
    plain, _ = train(x, y, 0.0)
    regularized, moved = train(x, y, 10.0)
    frozen, _ = train(x, y, 10.0, inner_rate=0.0)

    def ratio(own):
        return np.mean(own[wrong]) / np.mean(own[~wrong])

    assert ratio(plain) > 0.95
    assert ratio(regularized) < min(0.6, ratio(frozen))
    assert auroc(regularized, wrong) > 0.95
    assert moved > 0.1  # the inner layer took part
