"""The Refinement Unit has the published size, and learns to clean poses."""

import torch

from epipose.models.refinement import RefinementUnit


def test_has_as_many_parameters_as_published() -> None:
    assert sum(p.numel() for p in RefinementUnit(45, 45).parameters()) == 8_603_738


def test_both_stages_learn_to_take_noise_away() -> None:
    torch.manual_seed(0)
    # Poses that four numbers decide, so that there is something to know about them.
    basis = torch.randn(4, 45)
    unit = RefinementUnit(45, 45, hidden=64, dropout=0.0)
    optimiser = torch.optim.Adam(unit.parameters(), 2e-3)
    for _ in range(800):
        clean = torch.randn(64, 4) @ basis / 2
        noisy = clean + 0.5 * torch.randn_like(clean)
        first, second = unit(noisy)
        loss = ((first - clean) ** 2).mean() + ((second - clean) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    unit.eval()
    clean = torch.randn(256, 4) @ basis / 2
    with torch.no_grad():
        answers = unit(clean + 0.5 * torch.randn_like(clean))
    for answer in answers:
        assert ((answer - clean) ** 2).mean() < 0.4 * 0.25
