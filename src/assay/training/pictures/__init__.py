"""The training room for pictures: crops, couples with one history, round trips, the network, the fit."""
