"""Protocols: lists of trials with their keys, the one form in which data reaches training and evaluation."""

from assay.data.protocol import KEYS, Trial, read_protocol, write_protocol

__all__ = ["KEYS", "Trial", "read_protocol", "write_protocol"]
