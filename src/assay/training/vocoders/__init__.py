"""Small neural vocoders of our own: trained here from a recipe, shipped with their cards, used to make spoofs.

Wang & Yamagishi, "Spoofed training data for voice spoofing countermeasure can be efficiently created using neural
vocoders" (ICASSP 2023), train vocoders on their own data so that a spoof differs from its parent by the vocoder alone.
Ours are small enough for one processor core: what they are to leave in a sound is a network's trace, not its best
quality.
"""
