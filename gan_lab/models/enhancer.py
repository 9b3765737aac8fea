"""Image-to-image restoration from pairs: the GAN enhancer, EAGAN and pix2pix.

They are one class with other networks and weights: see conf/model/enhancer.yaml, eagan.yaml and pix2pix.yaml.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gan_lab import metrics
from gan_lab.errors import UserError
from gan_lab.losses import (
    PerceptualFeatures,
    feature_matching,
    gradient_difference,
    l1,
    make_perceptual,
    negative_psnr,
    ssim_loss,
)
from gan_lab.metrics import to_uint8
from gan_lab.models.adversarial import AdversarialLoss, AdversarialModule, Penalty, make_judge
from gan_lab.models.base import Loss, OptimizerFactory, Terms
from gan_lab.models.batches import Batch, spread_samples
from gan_lab.models.probe import Probe
from gan_lab.networks import ExponentialMovingAverage, call_jointly, evaluation_mode
from gan_lab.networks.restorer import enlarge
from gan_lab.options import check_weights


class Enhancer(AdversarialModule):
    """Learn gt from lq under a weighted sum of reconstruction terms and, if there is a discriminator, an adversarial one.

    A term whose weight is 0 is not computed. A discriminator trains whatever the weights.

    Args:
        generator: image [N, C, H, W] in [-1, 1] to the same, or to one enlarged as the data's gt is; takes what the
            data give beside lq as a second argument: the mask of holes [N, 1, H, W] in {0, 1}, or the image to judge by.
        generator_optimizer: makes G's optimiser from its parameters.
        discriminator: judges images, or (lq, image) pairs stacked on channels if `conditional`; None to train on the
            reconstruction terms alone.
        discriminator_optimizer: likewise for D.
        adversarial: see `AdversarialModule`.
        penalties: on D's gradient by the judged image; see `AdversarialModule`.
        conditional: show D the input beside the output, as pix2pix does.
        lambda_adversarial: weight of the adversarial term.
        lambda_l1: weight of the mean absolute error.
        lambda_psnr: weight of the negative PSNR in dB.
        lambda_gradient: weight of the gradient difference.
        lambda_ssim: weight of 1 - SSIM.
        lambda_feature_matching: weight of the distance between D's features of gt and of the output.
        lambda_perceptual: weight of the distance between features.
        perceptual: whose: "efficientnet_lite0", "vgg19", which needs its file, or "auto": VGG19's where `vgg19_weights`
            names it, else EfficientNet-Lite0's.
        vgg19_weights: path of that file; None looks under TORCH_HOME.
        ema_half_life: images after which a weight's share in the averaged generator has halved; None for no averaging.
        options: of `AdversarialModule`; `augment` is none of them.

    Raises:
        UserError: no term has a weight and there is no D; a weight is below 0; feature matching without D, or D without an
            optimiser; `lambda_perceptual` is above 0 and the network's weights are not there.

    Source: Isola et al. 2017, arXiv:1611.07004, eq. 4; Johnson et al. 2016, arXiv:1603.08155, eq. 2 (perceptual);
    Wang et al. 2018, arXiv:1711.11585, eq. 4 (feature matching).
    """

    batch_kind = "paired"
    task = "restoration"
    augmentable = False
    directions = ("AB",)
    monitor = ("val/psnr", "max")

    def __init__(
        self,
        generator: nn.Module,
        generator_optimizer: OptimizerFactory,
        discriminator: nn.Module | None = None,
        discriminator_optimizer: OptimizerFactory | None = None,
        adversarial: AdversarialLoss | None = None,
        penalties: Mapping[str, Penalty | None] | None = None,
        conditional: bool = False,
        lambda_adversarial: float = 1.0,
        lambda_l1: float = 100.0,
        lambda_psnr: float = 0.0,
        lambda_gradient: float = 0.0,
        lambda_ssim: float = 0.0,
        lambda_feature_matching: float = 0.0,
        lambda_perceptual: float = 0.0,
        perceptual: PerceptualFeatures = "vgg19",  # which a run that does not say so has always had; the yamls say auto
        vgg19_weights: str | None = None,
        ema_half_life: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(adversarial=adversarial, penalties=penalties, **options)
        check_weights(
            lambda_adversarial=lambda_adversarial,
            lambda_l1=lambda_l1,
            lambda_psnr=lambda_psnr,
            lambda_gradient=lambda_gradient,
            lambda_ssim=lambda_ssim,
            lambda_feature_matching=lambda_feature_matching,
            lambda_perceptual=lambda_perceptual,
        )
        if discriminator is None and lambda_feature_matching > 0:
            raise UserError(
                "model.lambda_feature_matching: needs a discriminator; set it to 0 or give model.discriminator"
            )
        if discriminator is not None and discriminator_optimizer is None:
            raise UserError(
                "model.discriminator_optimizer: missing, and model.discriminator is given; give both or neither"
            )
        weights = [lambda_l1, lambda_psnr, lambda_gradient, lambda_ssim, lambda_feature_matching, lambda_perceptual]
        if discriminator is None and not any(weights):
            raise UserError("model: no term of the loss has a weight; set model.lambda_l1=100, for instance")
        self.generator = generator
        self.discriminator = discriminator
        self.generator_ema = ExponentialMovingAverage(generator, ema_half_life) if ema_half_life else None
        self.generator_optimizer = generator_optimizer
        self.discriminator_optimizer = discriminator_optimizer
        self.conditional = conditional
        self.lambda_adversarial = lambda_adversarial
        self.lambda_l1 = lambda_l1
        self.lambda_psnr = lambda_psnr
        self.lambda_gradient = lambda_gradient
        self.lambda_ssim = lambda_ssim
        self.lambda_feature_matching = lambda_feature_matching
        self.lambda_perceptual = lambda_perceptual
        self.perceptual = make_perceptual(perceptual, vgg19_weights) if lambda_perceptual > 0 else None

    # ------------------------------------------------------------------------------------------------ the method

    def step(self, batch: Batch) -> Terms:
        generator_optimizer, *discriminator_optimizers = self.optimizer_list()
        inputs: Batch = {"lq": batch["lq"], "gt": batch["gt"], "aid": get_aid(batch), "pred": None}

        terms: Terms = {}
        for discriminator_optimizer in discriminator_optimizers:  # one, or none without a discriminator
            if self.micro_batches == 1:  # made once, before either update switches parameters off, and used in both
                inputs["pred"] = restore(self.generator, inputs)
            terms |= self.minimize(discriminator_optimizer, self.discriminator_loss, inputs).terms

        update = self.minimize(generator_optimizer, self.generator_loss, inputs)
        if self.generator_ema is not None and update.stepped:
            self.generator_ema.update(self.generator, images=self.count_images(inputs["lq"]))
        return terms | update.terms

    def discriminator_loss(self, inputs: Batch) -> Loss:
        """Tell ground truth from prediction."""
        assert self.discriminator is not None
        lq, gt, pred = inputs["lq"], inputs["gt"], inputs["pred"]
        if pred is None:
            with torch.no_grad():
                pred = restore(self.generator, inputs)
        real, fake = self.add_condition(lq, gt), self.add_condition(lq, pred.detach())
        logits_real, logits_fake = call_jointly(self.discriminator, real, fake)
        loss = self.adversarial.discriminator(logits_real, logits_fake)
        figures, _ = self.measure_discriminator(logits_real, logits_fake)
        forward = self.discriminator.forward  # a compiled call has no double backward
        judge = lambda image: forward(self.add_condition(lq, image))  # noqa: E731
        penalty, penalties = self.compute_penalty(judge, gt, pred)
        return Loss(loss + penalty, {"loss_d": loss} | figures | penalties)

    def generator_loss(self, inputs: Batch) -> Loss:
        """Come close to the ground truth in every weighted sense, and fool D."""
        lq, gt = inputs["lq"], inputs["gt"]
        pred = inputs["pred"] if inputs["pred"] is not None else restore(self.generator, inputs)
        weighted = self.reconstruction_terms(pred, gt)
        loss = sum((weight * term for weight, term in weighted.values()), torch.zeros((), device=pred.device))
        terms = {f"loss_{name}": term for name, (_, term) in weighted.items()}
        if self.discriminator is not None:
            real, fake = self.add_condition(lq, gt), self.add_condition(lq, pred)
            if self.lambda_feature_matching > 0:
                with torch.no_grad():
                    logits_real, features_real = self.discriminator(real, return_features=True)
                logits_fake, features_fake = self.discriminator(fake, return_features=True)
                adversarial = self.adversarial.generator(logits_fake, logits_real)
                terms["loss_feature_matching"] = feature_matching(features_real, features_fake)
                loss = loss + self.lambda_feature_matching * terms["loss_feature_matching"]
            else:
                adversarial = self.compute_adversarial_term(self.discriminator, fake, real)
            loss = loss + self.lambda_adversarial * adversarial
            terms["loss_g_adversarial"] = adversarial
        return Loss(loss, terms | {"loss_g": loss})

    def add_condition(self, lq: Tensor, image: Tensor) -> Tensor:
        """Return D's input: the image, beside the generator's input where D is conditional."""
        return torch.cat([lq, image.to(lq.dtype)], dim=1) if self.conditional else image

    def reconstruction_terms(self, pred: Tensor, gt: Tensor) -> dict[str, tuple[float, Tensor]]:
        """Return (weight, scalar) by name for each term with a weight; in fp32."""
        pred, gt = pred.float(), gt.float()
        with self.full_precision():
            terms: dict[str, tuple[float, Tensor]] = {}
            if self.lambda_l1 > 0:
                terms["l1"] = (self.lambda_l1, l1(pred, gt))
            if self.lambda_psnr > 0:
                terms["psnr"] = (self.lambda_psnr, negative_psnr(pred, gt))
            if self.lambda_gradient > 0:
                terms["gradient"] = (self.lambda_gradient, gradient_difference(pred, gt))
            if self.lambda_ssim > 0:
                terms["ssim"] = (self.lambda_ssim, ssim_loss(pred, gt))
        if self.perceptual is not None:
            terms["perceptual"] = (self.lambda_perceptual, self.perceptual(pred, gt))
        return terms

    def configure_optimizers(self) -> list[Optimizer]:
        optimizers = [self.generator_optimizer(self.generator.parameters())]
        if self.discriminator is not None and self.discriminator_optimizer is not None:
            optimizers.append(self.discriminator_optimizer(self.discriminator.parameters()))
        return optimizers

    # ------------------------------------------------------------------------------------------------ using it

    @torch.no_grad()
    def enhance(self, lq: Tensor, aid: Tensor | None = None) -> Tensor:
        """Return restored images [N, C, H, W] in [-1, 1], by the averaged generator where there is one."""
        generator: nn.Module = self.generator if self.generator_ema is None else self.generator_ema
        with evaluation_mode(generator):
            return restore(generator, {"lq": lq, "aid": aid}).float().clamp(-1, 1)

    def translate(self, image: Tensor, direction: str = "AB") -> Tensor:
        """Return restored images, as a translator: lq is the domain A, gt is B.

        Raises:
            UserError: the direction is not AB, the only one that is learnt.
        """
        if direction not in self.directions:
            raise UserError(f"direction={direction}: learnt is AB alone, from lq to gt; swap the folders to train BA")
        return self.enhance(image)

    def sample_grid(self, batch: Batch) -> tuple[Tensor, int]:
        """Rows of input, output and ground truth, two images a row."""
        lq, gt, aid = get_parts({name: value.to(self.device) for name, value in spread_samples(batch, 8).items()})
        return torch.stack([enlarge_to(gt, lq), self.enhance(lq, aid), gt], dim=1).flatten(0, 1), 6

    def validate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Return PSNR (dB) and SSIM of the output, on 8 bits, and PSNR of the input as it is.

        A profile of degradations leaves some inputs as they are, of infinite PSNR: 60 dB stands for anything above.
        """
        # every process validates on the same images, so nothing is gathered
        psnr, psnr_as_is = (metrics.MeanPSNR(sync_on_compute=False) for _ in range(2))
        ssim = metrics.MeanSSIM(sync_on_compute=False)
        for batch in batches:
            lq, gt, aid = get_parts({name: value.to(self.device) for name, value in batch.items()})
            pred8, gt8 = to_uint8(self.enhance(lq, aid)), to_uint8(gt)
            psnr.update(pred8, gt8)
            ssim.update(pred8, gt8)
            psnr_as_is.update(to_uint8(enlarge_to(gt, lq)), gt8)
        figures: dict[str, metrics.ImageMean] = {"val/psnr": psnr, "val/ssim": ssim, "val/psnr_as_is": psnr_as_is}
        return {name: float(figure.compute()) for name, figure in figures.items()}

    def probe(self, batch: Batch) -> list[Probe]:
        """Show the restored photos."""
        lq, gt, aid = get_parts({name: value.to(self.device) for name, value in batch.items()})
        judge = None
        if self.discriminator is not None:
            judge = make_judge(self.discriminator, enter=lambda image: self.add_condition(lq, image))
        return [Probe(self.enhance(lq, aid), gt, source=lq, judge=judge)]


def restore(generator: nn.Module, draw: Batch) -> Tensor:
    """Return the generator's result for lq, with the data's aid where there is one."""
    aid = draw["aid"]
    result: Tensor = generator(draw["lq"]) if aid is None else generator(draw["lq"], aid)
    return result


def get_aid(batch: Batch) -> Tensor | None:
    """Return the generator's second input: the mask of holes, or the images to judge by; None for neither."""
    aid: Tensor | None = batch.get("mask", batch.get("seen"))
    return aid


def get_parts(batch: Batch) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return a batch's lq, gt and aid."""
    return batch["lq"], batch["gt"], get_aid(batch)


def enlarge_to(gt: Tensor, lq: Tensor) -> Tensor:
    """Return lq [N, C, h, w] at the size of gt, enlarged bicubically where gt is larger."""
    return enlarge(lq, gt.shape[-1] // lq.shape[-1])
