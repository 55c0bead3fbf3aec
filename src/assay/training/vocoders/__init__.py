"""Small neural vocoders of our own: trained here from a recipe, shipped with their cards, used to make spoofs.

Copies by neural vocoders teach a countermeasure well (Wang & Yamagishi, "Spoofed training data for voice spoofing
countermeasure can be efficiently created using neural vocoders", ICASSP 2023). Ours are small enough for one processor
core: what they are to leave in a sound is a network's trace, not its best quality.

Conventions: 16 kHz mono float32 in about [-1, 1]; a mel spectrogram is the natural logarithm of magnitudes, shape
(..., n_mels, 1 + n // hop); a pitch contour is in Hz every 5 ms, 0 where unvoiced.
"""
