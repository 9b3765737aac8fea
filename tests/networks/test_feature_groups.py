from __future__ import annotations

import torch

from gan_lab.networks import FeatureGroups, efficientnet_lite


def test_groups_are_means_deviations_places_and_all_places() -> None:
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    colours, *groups = FeatureGroups(0)(images)
    torch.testing.assert_close(colours[0].view(2, 3, 8, 8), torch.nn.functional.avg_pool2d(images, 8))
    stage = efficientnet_lite(0, size=None).extract_stages(images)[0]
    mean, deviation, places, together = groups[:4]
    torch.testing.assert_close(mean[0], stage.mean(dim=(2, 3)), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(deviation[0], stage.std(dim=(2, 3), correction=0), rtol=1e-2, atol=1e-2)
    corner = stage[:, :, :8, :8].mean(dim=(2, 3))
    torch.testing.assert_close(places[0], corner, rtol=1e-4, atol=1e-4)
    assert places.shape == (16, 2, 16)
    assert together.shape == (1, 2, 16 * 16)
    assert len(groups) == 5 * 4


def test_any_size_and_grey() -> None:
    grey = torch.rand(1, 1, 16, 24) * 2 - 1
    groups = FeatureGroups(0)(grey)
    assert all(bool(group.isfinite().all()) for group in groups)
    for group, same in zip(groups, FeatureGroups(0)(grey.expand(-1, 3, -1, -1)), strict=True):
        torch.testing.assert_close(group, same)


def test_gradients_reach_the_image_and_nothing_is_saved() -> None:
    features = FeatureGroups(0)
    image = torch.zeros(1, 3, 32, 32, requires_grad=True)
    sum(group.mean() for group in features(image)).backward()  # type: ignore[union-attr]
    assert image.grad is not None
    assert bool(image.grad.isfinite().all())
    assert not features.state_dict()
    assert not list(features.parameters())
