"""Where networks are computed: what is asked for, what answers, and that falling back is told."""

import logging

import onnxruntime
import pytest

from assay.audio.detector import AudioDetector
from assay.errors import SettingsError
from assay.line import Detector
from assay.models import load_session, provider_of
from assay.models.providers import CPU, PROVIDERS, fell_back, wanted_providers
from assay.settings import load_settings

CUDA = "CUDAExecutionProvider"
GPU_BUILD = ["TensorrtExecutionProvider", CUDA, CPU]
PLAIN = ["AzureExecutionProvider", CPU]


@pytest.mark.parametrize(
    ("device", "available", "wanted"),
    [
        ("auto", PLAIN, [CPU]),
        ("auto", GPU_BUILD, [CUDA, CPU]),
        ("auto", ["CoreMLExecutionProvider", CPU], ["CoreMLExecutionProvider", CPU]),
        ("cpu", GPU_BUILD, [CPU]),
        ("cuda", GPU_BUILD, [CUDA, CPU]),
        ("cuda", PLAIN, [CPU]),
        ("directml", ["DmlExecutionProvider", CPU], ["DmlExecutionProvider", CPU]),
    ],
)
def test_the_processor_is_always_last(device, available, wanted):
    assert wanted_providers(device, available) == wanted


@pytest.mark.parametrize(
    ("device", "available", "provider", "told"),
    [
        ("auto", PLAIN, CPU, False),
        ("cpu", GPU_BUILD, CPU, False),
        ("cuda", PLAIN, CPU, True),
        ("auto", GPU_BUILD, CPU, True),  # compiled in, but its libraries are missing
        ("auto", GPU_BUILD, CUDA, False),
    ],
)
def test_falling_back_is_known(device, available, provider, told):
    assert fell_back(device, available, provider) is told


def test_every_device_of_the_settings_has_a_provider():
    for device in PROVIDERS:
        assert load_settings(device=device).device == device
    assert load_settings().device == "auto"
    with pytest.raises(SettingsError, match="device"):
        load_settings(device="tpu")


@pytest.mark.skipif(CUDA in onnxruntime.get_available_providers(), reason="this ONNX Runtime has CUDA")
def test_a_device_that_is_not_there_falls_back_and_says_so(caplog):
    with caplog.at_level(logging.WARNING, "assay.models"):
        session = load_session("silero-vad", device="cuda")
    assert provider_of(session) == CPU
    assert "'silero-vad' is computed on the processor" in caplog.text
    assert "device=cuda" in caplog.text


def test_a_plain_installation_says_nothing(caplog):
    if set(onnxruntime.get_available_providers()) & (set(PROVIDERS.values()) - {CPU}):
        pytest.skip("this ONNX Runtime has an accelerator")
    with caplog.at_level(logging.WARNING, "assay.models"):
        assert provider_of(load_session("silero-vad", device="auto")) == CPU
    assert caplog.text == ""


def test_detectors_tell_who_answers():
    assert AudioDetector("audio-resnet").provider == CPU
    assert AudioDetector("audio-resnet", session=object()).provider == ""


def test_the_setting_reaches_the_detector(monkeypatch):
    seen = []
    monkeypatch.setattr("assay.audio.detector.load_session", lambda name, **given: seen.append(given))
    Detector(settings=load_settings(device="coreml", threads=2))
    assert {"threads": 2, "device": "coreml"} in seen
