"""Every way of making a spoof from bona fide speech, by the name that a recipe uses."""

from __future__ import annotations

from assay.training.fakes.cepstral import cepstral
from assay.training.fakes.codec2 import codec2
from assay.training.fakes.griffin_lim import griffin_lim
from assay.training.fakes.hifigan import hifigan_drawn, hifigan_lj, hifigan_universal
from assay.training.fakes.lpc import lpc
from assay.training.fakes.melgan import melgan
from assay.training.fakes.method import Method
from assay.training.fakes.own import own_istft, own_upsample
from assay.training.fakes.partial import partial_replacement
from assay.training.fakes.phase_vocoder import phase_vocoder
from assay.training.fakes.psola import psola
from assay.training.fakes.sinusoidal import sinusoidal
from assay.training.fakes.world import world, world_vc

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("griffin-lim", "Griffin-Lim(own)", griffin_lim),
        Method("world", "WORLD(own)", world),
        Method("lpc", "LPC(own)", lpc),
        Method("hifigan-universal", "HiFi-GAN_V1-universal(own)", hifigan_universal),
        Method("hifigan-lj", "HiFi-GAN_V1-LJ(own)", hifigan_lj),
        Method("hifigan-drawn", "HiFi-GAN_V1-drawn-mel(own)", hifigan_drawn),
        Method("melgan", "MelGAN(own)", melgan),
        Method("own-istft", "iSTFT-vocoder(own)", own_istft),
        Method("own-upsample", "Upsampling-vocoder(own)", own_upsample),
        Method("world-vc", "WORLD-VC(own)", world_vc),
        Method("cepstral", "Cepstral-vocoder(own)", cepstral),
        Method("sinusoidal", "Harmonic+noise(own)", sinusoidal),
        Method("codec2", "Codec2(own)", codec2),
        Method("phase-vocoder", "Phase-vocoder(own)", phase_vocoder),
        Method("psola", "PSOLA(own)", psola),
        Method("partial", "Partial(own)", partial_replacement),
    )
}
