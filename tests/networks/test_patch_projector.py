"""What CUT compares patches by."""

from __future__ import annotations

import torch

from gan_lab.networks import PatchProjector


def test_the_same_places_of_every_image_become_unit_vectors() -> None:
    torch.manual_seed(0)
    projector = PatchProjector([3, 5], width=8, patches=6)
    features = [torch.randn(2, 3, 4, 4), torch.randn(2, 5, 2, 2)]
    places = projector.places(features)
    assert [len(each.unique()) for each in places] == [6, 4]  # no place twice, and no more than there are
    vectors = projector(features, places)
    assert [each.shape for each in vectors] == [(2, 6, 8), (2, 4, 8)]
    torch.testing.assert_close(vectors[0].norm(dim=2), torch.ones(2, 6))
    row, column = divmod(int(places[0][3]), 4)
    own = torch.nn.functional.normalize(projector.heads[0](features[0][1, :, row, column]), dim=0)
    torch.testing.assert_close(vectors[0][1, 3], own)
