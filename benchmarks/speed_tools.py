"""The cases of the speed benchmark that use a trained model: photos enhanced, images generated, from file to file."""

from __future__ import annotations

import contextlib
import copy
import io
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

import gan_lab
from benchmarks.speed_training import OWN, PLAIN, TUNED, Measured, Timed, Training, train
from gan_lab.commands.enhance import enhance
from gan_lab.commands.generate import generate
from gan_lab.config import compose
from gan_lab.hardware import Choice, Way, cast_to, list_ways
from gan_lab.hardware.speeds import PLAIN as PLAIN_WAY
from gan_lab.inference import bundle
from gan_lab.run.device import prepare_process

SHIPPED = "gan_lab as shipped"
#: A loop's tiles and what they share, in pixels: those of Real-ESRGAN's script, and larger ones.
PLAIN_TILE, TUNED_TILE, SHARED = 512, 1024, 32
IMAGES = 1000

Pixels = np.ndarray  # uint8 [H, W, 3]


@dataclass(frozen=True)
class Enhancement:
    """Photos of so many megapixels from JPEG to JPEG by the shipped restorer, `correct=defects`; seconds of a photo."""

    megapixels: float
    photos: int

    unit = "photo"

    def sides(self, compiled: bool) -> list[str]:
        """Return what is compared; `SHIPPED` is the command as it is, with light, guard and marks."""
        return [PLAIN, TUNED, OWN, SHIPPED]

    def measure(self, side: str, seconds: float, photos: Path, device: str) -> Measured:
        """Time a side in this process, once over all photos."""
        began = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="gan_lab_speed_") as folder:
            source, result, warm = (Path(folder) / name for name in ("in", "out", "warm"))
            write_noisy(source, self.megapixels, self.photos)
            write_noisy(warm, 0.1, 1)
            if side.startswith(OWN):
                work, way = self.command(side, device), ""
            else:
                work, way = self.loop(side == TUNED, device)
            work(warm, Path(folder) / "warmed")
            ready = time.perf_counter() - began
            work(source, result)
            took = time.perf_counter() - began - ready
            assert len(list(result.glob("*.jpg"))) == self.photos
        return Measured(1e3 * took / self.photos, self.photos / took, float("nan"), ready, way)

    def command(self, side: str, device: str) -> Callable[[Path, Path], None]:
        """Return what gan_lab.enhance does with a folder."""
        same = [] if side == SHIPPED else ["correct=defects", "guard.enabled=false", "provenance=off"]

        def work(source: Path, result: Path) -> None:
            with contextlib.redirect_stdout(io.StringIO()):
                enhance(compose("enhance", [f"input={source}", f"output={result}", f"device={device}", *same]))

        return work

    def loop(self, tuned: bool, device: str) -> tuple[Callable[[Path, Path], None], str]:
        """Return the same by hand: decoded, done in tiles, encoded; tuned, both ends while the next one is computed.

        And the precision and memory layout: of a tuned loop those that a tile is timed to be fastest in.
        """
        where = torch.device("cuda" if torch.cuda.is_available() and device != "cpu" else "cpu")
        restorer: Any = bundle.network(
            "restorer", bundle.read_bundle(gan_lab.load("faithful", device="cpu").path)["restorer"]
        )
        restorer = restorer.to(where).eval().requires_grad_(False)
        way = PLAIN_WAY
        if tuned:
            tile = torch.randn(1, 3, PLAIN_TILE, PLAIN_TILE, device=where)
            way = fastest(
                {way: prepare_copy(restorer, way) for way in usual_ways(where)},
                lambda network: network(tile.to(next(network.parameters()).dtype)),
            )
            restorer = prepare_copy(restorer, way)

        def compute(pixels: Pixels) -> Pixels:
            return restored(restorer, pixels, TUNED_TILE if tuned else PLAIN_TILE, where)

        def work(source: Path, result: Path) -> None:
            result.mkdir()
            files = sorted(source.iterdir())
            if not tuned:
                for file in files:
                    encode(result / file.name, compute(decode(file)))
                return
            with ThreadPoolExecutor(2) as pool:
                upcoming = pool.submit(decode, files[0])
                written = []
                for file, following in zip(files, [*files[1:], None], strict=True):
                    pixels = upcoming.result()
                    if following is not None:
                        upcoming = pool.submit(decode, following)
                    written.append(pool.submit(encode, result / file.name, compute(pixels)))
                for each in written:
                    each.result()

        return work, str(way)


@dataclass(frozen=True)
class Generation:
    """A thousand images of a DCGAN as PNG files; milliseconds of an image."""

    unit = "image"

    def sides(self, compiled: bool) -> list[str]:
        """Return what is compared; `SHIPPED` has the images' marks and manifest."""
        return [PLAIN, TUNED, OWN, SHIPPED]

    def measure(self, side: str, seconds: float, photos: Path, device: str) -> Measured:
        """Time a side in this process, once over all images; the network has been trained for a few iterations."""
        began = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="gan_lab_speed_") as folder:
            case = Training(("model=dcgan", "trainer.max_iterations=2"), nn.Module, 16, 64)  # type: ignore[arg-type]
            config = case.config(photos, folder, device, False)
            prepare_process(config)
            train(config, Path(folder) / "speed", Timed(1e9, began, warm_up=0))
            if side.startswith(OWN):
                work, way = self.command(side, folder, device), ""
            else:
                work, way = self.loop(side == TUNED, folder, device)
            work(Path(folder) / "warmed", 16)
            ready = time.perf_counter() - began
            work(Path(folder) / "out", IMAGES)
            took = time.perf_counter() - began - ready
            assert len(list((Path(folder) / "out").glob("*.png"))) >= IMAGES
        return Measured(1e3 * took / IMAGES, IMAGES / took, float("nan"), ready, way)

    def command(self, side: str, folder: str, device: str) -> Callable[[Path, int], None]:
        """Return what gan_lab.generate does."""
        own = [] if side == SHIPPED else ["provenance=off", "grid=off"]

        def work(result: Path, n: int) -> None:
            options = [f"checkpoint={folder}/speed", f"output={result}", f"n={n}", f"device={device}", *own]
            with contextlib.redirect_stdout(io.StringIO()):
                generate(compose("generate", options))

        return work

    def loop(self, tuned: bool, folder: str, device: str) -> tuple[Callable[[Path, int], None], str]:
        """Return the same by hand: batches of 64, files one after the other; tuned, by threads while the next are made.

        And the precision and memory layout; see `Enhancement.loop`.
        """
        model = gan_lab.load(folder + "/speed", device=device).model
        network, way = model.sampler.eval(), PLAIN_WAY
        if tuned:
            z = torch.randn(64, model.latents, device=model.device)

            def draw(way: Way) -> None:
                network.to(memory_format=torch.channels_last if way.channels_last else torch.contiguous_format)
                with cast_to(way.dtype, model.device):
                    network(z)

            way = fastest({way: way for way in usual_ways(model.device)}, draw)
        network.to(memory_format=torch.channels_last if way.channels_last else torch.contiguous_format)

        @torch.inference_mode()
        def images(n: int) -> Iterable[Pixels]:
            for start in range(0, n, 64):
                z = torch.randn(min(64, n - start), model.latents, device=model.device)
                with cast_to(way.dtype, model.device):
                    made = network(z)
                yield from as_pixels(made)

        def work(result: Path, n: int) -> None:
            result.mkdir()
            with ThreadPoolExecutor(4 if tuned else 1) as pool:
                pending = []
                for number, pixels in enumerate(images(n)):
                    pending.append(pool.submit(encode, result / f"{number:06d}.png", pixels))
                    if not tuned:
                        pending[-1].result()
                for each in pending:
                    each.result()

        return work, str(way)


CASES: dict[str, Enhancement | Generation] = {
    "enhance_0.25": Enhancement(0.25, 16),
    "enhance_1": Enhancement(1, 6),
    "enhance_12": Enhancement(12, 2),
    "enhance_100": Enhancement(100, 1),
    "generate_1000": Generation(),
}


def usual_ways(device: torch.device) -> list[Way]:
    """Return the precisions and memory layouts that a tuned loop may use."""
    return [way for way in list_ways(device) if way.dtype is not torch.float16]


def prepare_copy(restorer: nn.Module, way: Way) -> nn.Module:
    """Return a copy of a restorer, made ready as gan_lab makes it."""
    choice = Choice(way.dtype, way.channels_last, "")
    made: nn.Module = bundle.quick(copy.deepcopy(restorer), choice)  # type: ignore[arg-type]
    return made


@torch.inference_mode()
def fastest(candidates: dict[Way, Any], call: Callable[[Any], Any]) -> Way:
    """Return the way whose candidate is called fastest, the best of three calls each."""
    found: dict[Way, float] = {}
    for way, candidate in candidates.items():
        times = []
        for _ in range(4):
            began = time.perf_counter()
            call(candidate)
            times.append(time.perf_counter() - began)
        found[way] = min(times[1:])
    return min(found, key=found.__getitem__)


def restored(network: nn.Module, pixels: Pixels, tile: int, device: torch.device) -> Pixels:
    """Return what a restorer makes of a photo, in tiles whose surroundings are computed and thrown away."""
    height, width = pixels.shape[:2]
    out = np.empty_like(pixels)
    for y in range(0, height, tile):
        for x in range(0, width, tile):
            top, left = max(0, y - SHARED), max(0, x - SHARED)
            part = pixels[top : y + tile + SHARED, left : x + tile + SHARED]
            image = torch.from_numpy(np.ascontiguousarray(part)).to(device).permute(2, 0, 1)[None].float() / 127.5 - 1
            with torch.inference_mode():
                made = as_pixels(network(image.to(next(network.parameters()).dtype)))[0]
            inner = made[y - top : y - top + tile, x - left : x - left + tile]
            out[y : y + tile, x : x + tile] = inner
    return out


def as_pixels(images: Tensor) -> Pixels:
    """Return uint8 [N, H, W, C] of images in [-1, 1]."""
    whole = (images.float() * 127.5 + 127.5).round().clamp(0, 255).byte()
    return whole.permute(0, 2, 3, 1).contiguous().cpu().numpy()


def decode(file: Path) -> Pixels:
    return np.asarray(Image.open(file).convert("RGB"))


def encode(file: Path, pixels: Pixels) -> None:
    Image.fromarray(pixels).save(file, quality=95)


def write_noisy(folder: Path, megapixels: float, photos: int) -> None:
    """Write smooth pictures with noise of sigma 15 as JPEG files of so many megapixels, three parts high and four wide."""
    folder.mkdir()
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    width = round(height * 4 / 3)
    for number in range(photos):
        rng = np.random.default_rng(number)
        base = cv2.resize(rng.integers(30, 220, (24, 32, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
        strip = rng.normal(0, 15, (256, width, 3)).astype(np.float32)
        noise = np.concatenate([strip] * (height // 256 + 1))[:height]
        encode(folder / f"{number:03d}.jpg", np.clip(np.rint(base + noise), 0, 255).astype(np.uint8))
