"""`small` sees where a joint's heatmap is and how deep it is, and says how sure it is."""

import numpy as np
import torch

from epipose.models.pictures import DEVIATION, MEAN, normalised
from epipose.models.small import PLANES, SmallNet


def test_its_distributions_are_the_margins_of_the_heatmap_and_sum_to_one() -> None:
    net = SmallNet(4).eval()
    pictures = normalised(torch.randint(0, 256, (2, 96, 128, 3), dtype=torch.uint8))
    with torch.no_grad():
        x, y, z = net.marginals(pictures)
        heat = torch.softmax(net.heatmaps(net.trunk(pictures).cells).flatten(2), dim=2).reshape(2, 4, 24, 32)
    assert x.shape == (2, 4, 32)
    assert y.shape == (2, 4, 24)
    assert z.shape == (2, 4, PLANES)
    torch.testing.assert_close(x, heat.sum(dim=2))
    torch.testing.assert_close(y, heat.sum(dim=3))
    torch.testing.assert_close(z.sum(dim=2), torch.ones(2, 4))


def test_learns_places_and_depths_of_a_few_pictures() -> None:
    torch.manual_seed(0)
    net = SmallNet(3)
    pictures, truth = torch.randn(4, 3, 64, 64), 0.8 * torch.rand(4, 3, 3) - 0.4
    optimiser = torch.optim.Adam(net.parameters(), 2e-3)
    for _ in range(60):
        optimiser.zero_grad()
        loss = (net(pictures).positions - truth).abs().mean()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    assert loss < 0.05


def test_normalised_pictures_have_imagenets_mean_and_deviation() -> None:
    rng = np.random.default_rng(0)
    pictures = rng.normal(MEAN, DEVIATION, (2, 200, 200, 3)).round()
    inside = normalised(torch.from_numpy(pictures.clip(0, 255).astype(np.uint8)))
    assert inside.shape == (2, 3, 200, 200)
    assert inside.mean(dim=(0, 2, 3)).abs().max() < 0.05
    assert (inside.std(dim=(0, 2, 3)) - 1).abs().max() < 0.06
